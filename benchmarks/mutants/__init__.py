"""A correct directory of users on two gRPC servers, and the bugs that real ones had, to be switched on one by one."""
