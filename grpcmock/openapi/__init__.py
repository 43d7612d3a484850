"""What do services look like to a client of HTTP? OpenAPI 3.1 from annotated protos, as the protocols serve them."""
