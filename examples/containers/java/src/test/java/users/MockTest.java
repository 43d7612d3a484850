package users;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import org.junit.jupiter.api.Test;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.wait.strategy.Wait;
import org.testcontainers.junit.jupiter.Container;
import org.testcontainers.junit.jupiter.Testcontainers;
import org.testcontainers.utility.MountableFile;

/** Starts the mock in a container: needs a Docker daemon and the image grpcmock. */
@Testcontainers(disabledWithoutDocker = true)
class MockTest {
  private static final String ROOT = "../../../";

  @Container
  private static final GenericContainer<?> MOCK =
      new GenericContainer<>("grpcmock")
          .withExposedPorts(50051)
          .withCopyFileToContainer(MountableFile.forHostPath(ROOT + "protos"), "/work/protos")
          .withCopyFileToContainer(MountableFile.forHostPath(ROOT + "stubs"), "/work/stubs")
          .waitingFor(Wait.forLogMessage(".*Serving .*", 1));

  @Test
  void serves() {
    var target = MOCK.getHost() + ":" + MOCK.getMappedPort(50051);
    var channel = Grpc.newChannelBuilder(target, InsecureChannelCredentials.create()).build();
    try {
      var answer = HealthGrpc.newBlockingStub(channel).check(HealthCheckRequest.getDefaultInstance());
      assertEquals(ServingStatus.SERVING, answer.getStatus());
    } finally {
      channel.shutdownNow();
    }
  }
}
