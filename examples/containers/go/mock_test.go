// A test in Go that starts the mock in a container: needs a Docker daemon and the image grpcmock.
package containers

import (
	"context"
	"testing"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// startMock serves protos/ and stubs/ of the folder above, and gives where.
func startMock(ctx context.Context, t *testing.T, folder string) string {
	t.Helper()
	mock, err := testcontainers.GenericContainer(ctx, testcontainers.GenericContainerRequest{
		ContainerRequest: testcontainers.ContainerRequest{
			Image:        "grpcmock",
			ExposedPorts: []string{"50051/tcp"},
			Files: []testcontainers.ContainerFile{
				{HostFilePath: folder + "/protos", ContainerFilePath: "/work/", FileMode: 0o755},
				{HostFilePath: folder + "/stubs", ContainerFilePath: "/work/", FileMode: 0o755},
			},
			WaitingFor: wait.ForLog("Serving "),
		},
		Started: true,
	})
	testcontainers.CleanupContainer(t, mock)
	if err != nil {
		t.Fatal(err)
	}
	target, err := mock.PortEndpoint(ctx, "50051/tcp", "")
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func TestMockServes(t *testing.T) {
	testcontainers.SkipIfProviderIsNotHealthy(t)
	ctx := context.Background()
	connection, err := grpc.NewClient(startMock(ctx, t, "../../.."), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	answer, err := healthpb.NewHealthClient(connection).Check(ctx, &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if answer.Status != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("the mock is %v", answer.Status)
	}
}
