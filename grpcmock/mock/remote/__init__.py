"""A mock server that runs elsewhere, held as if it were here."""
