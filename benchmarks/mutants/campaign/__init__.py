"""Every service with every bug, one at a time, each run of ``grpcmock fuzz`` judged by its own reproducers."""
