module grpcmock.example/containers

go 1.24.0
