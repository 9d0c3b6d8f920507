package io.millrace.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

final class ClosingKafkaSinkTest {
  /** Once the connector closes it by itself, the class under test may go. */
  @Test
  void theConnectorsWriterKeepsItsAdminClientWhereItIsLookedFor() throws Exception {
    Class<?> type =
        Class.forName("org.apache.flink.connector.kafka.sink.ExactlyOnceKafkaWriter")
            .getDeclaredField(ClosingKafkaSink.ADMIN_FIELD)
            .getType();

    assertTrue(AutoCloseable.class.isAssignableFrom(type), type::getName);
  }

  @Test
  void closesTheAdminClientThatAWriterHasOpened() throws Exception {
    int[] closed = {0};
    AutoCloseable admin = () -> closed[0]++;

    ClosingKafkaSink.Writer.adminOf(new Holder(admin)).close();

    assertEquals(1, closed[0]);
  }

  @Test
  void leavesAWriterThatHasOpenedNoneAsItIs() throws Exception {
    ClosingKafkaSink.Writer.adminOf(new Holder(null)).close();
    ClosingKafkaSink.Writer.adminOf(new Object()).close();
  }

  private static final class Holder {
    @SuppressWarnings("unused")
    private final AutoCloseable adminClient;

    private Holder(AutoCloseable adminClientOrNull) {
      this.adminClient = adminClientOrNull;
    }
  }
}
