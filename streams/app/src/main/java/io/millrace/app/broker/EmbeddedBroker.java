package io.millrace.app.broker;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.LockSupport;
import javax.management.InstanceNotFoundException;
import javax.management.JMException;
import javax.management.ObjectName;
import kafka.server.KafkaConfig;
import kafka.server.KafkaRaftServer;
import kafka.tools.StorageTool;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.utils.Time;

/**
 * One Kafka broker with its own KRaft controller, inside this process, on 127.0.0.1.
 *
 * <p>It is a single copy of everything: fit for a demo, for trying a pipeline and for tests, not
 * for data that must survive its disk. A directory that was used before is used again with all its
 * topics, also after the process was killed.
 *
 * <p>Heap: about 60 MB beside what clients cause (16 MiB of it the log cleaner's buffer). Thread
 * rule: {@link #start} and {@link #close} from one thread; {@link #bootstrapServers} from any.
 */
public final class EmbeddedBroker implements AutoCloseable {
  /**
   * Names of the loggers that make the broker's and the clients' noise. At WARN they are quiet in a
   * healthy run but for harmless words at its ends: "Performing controller activation"
   * (org.apache.kafka.controller), a network client that was closed before
   * (org.apache.kafka.clients), and after a kill a registration that the first controller no longer
   * answers (kafka.server.ControllerApis, at ERROR).
   */
  public static final List<String> LOGGERS =
      List.of("kafka", "org.apache.kafka", "state.change.logger");

  private static final String HOST = "127.0.0.1";
  private static final int NODE = 1;
  private static final int ATTEMPTS = 5;
  private static final long FENCE_NANOS = 30_000_000_000L;

  private final KafkaRaftServer server;
  private final int port;
  private boolean closed;

  private EmbeddedBroker(KafkaRaftServer server, int port) {
    this.server = server;
    this.port = port;
  }

  /**
   * Starts a broker on a free port and returns when it takes requests, 1 to 3 s on an idle machine.
   *
   * @param directory the log directory: created and formatted if new, used again if not
   * @throws UncheckedIOException if the directory cannot be used or no free port was won
   */
  public static EmbeddedBroker start(Path directory) {
    return start(directory, 0);
  }

  /**
   * As {@link #start(Path)}, on a given port.
   *
   * @param port of the broker's listener; 0: a free one
   */
  public static EmbeddedBroker start(Path directory, int port) {
    if (wasKilled(directory)) {
      fence(directory);
    }
    format(directory);
    for (int attempt = 1; ; attempt++) {
      int[] free = freePorts();
      int listener = port == 0 ? free[0] : port;
      KafkaRaftServer server =
          new KafkaRaftServer(
              new KafkaConfig(settings(directory, listener, free[1]), false), Time.SYSTEM);
      try {
        server.startup();
        return new EmbeddedBroker(server, listener);
      } catch (RuntimeException e) {
        server.shutdown();
        // Between the look for a free port and its use another process may take it.
        boolean lostRace = port == 0 && isBindFailure(e) && attempt < ATTEMPTS;
        if (!lostRace) {
          throw e;
        }
      }
    }
  }

  /** Where clients connect, {@code 127.0.0.1:PORT}. */
  public String bootstrapServers() {
    return HOST + ":" + port;
  }

  /** Shuts the broker down cleanly; the directory stays. A second call does nothing. */
  @Override
  public void close() {
    if (!closed) {
      closed = true;
      server.shutdown();
      server.awaitShutdown();
    }
  }

  /**
   * Runs a broker as a process of its own until it is told to stop. Prints one line, the bootstrap
   * address, when it takes requests.
   *
   * @param args directory, port (0: a free one)
   */
  public static void main(String[] args) throws InterruptedException {
    if (args.length != 2 || !args[1].matches("\\d{1,5}")) {
      System.err.println("got " + args.length + " arguments, expected: DIRECTORY PORT");
      System.exit(2);
    }
    EmbeddedBroker broker = start(Path.of(args[0]), Integer.parseInt(args[1]));
    Runtime.getRuntime().addShutdownHook(new Thread(broker::close, "broker-shutdown"));
    System.out.println(broker.bootstrapServers());
    System.out.flush();
    new CountDownLatch(1).await();
  }

  /** Kafka leaves a mark when it shuts down in order, and takes it away when it starts. */
  private static boolean wasKilled(Path directory) {
    return Files.exists(directory.resolve("meta.properties"))
        && !Files.exists(directory.resolve(".kafka_cleanshutdown"));
  }

  /**
   * Lets the controller, alone, take a killed broker's leaderships away before the broker is back.
   *
   * <p>Without this the broker of Kafka 4.3.1 starts from metadata in which it still leads
   * everything, and loads the transactions that were being committed. When the controller then ends
   * its old session, their partitions have no leader for a moment, the transaction coordinator
   * takes them for deleted, skips their commit markers and calls the transaction complete: offsets
   * are committed, results are lost. It cannot happen where another replica leads meanwhile.
   */
  private static void fence(Path directory) {
    Properties p = common(directory, freePorts()[0]);
    p.setProperty("process.roles", "controller");
    p.setProperty("broker.session.timeout.ms", "200");
    p.setProperty("broker.heartbeat.interval.ms", "100");
    KafkaRaftServer controller = new KafkaRaftServer(new KafkaConfig(p, false), Time.SYSTEM);
    try {
      controller.startup();
      long end = System.nanoTime() + FENCE_NANOS;
      // None is registered where the process was killed before it first came up.
      while (controllerGauge("FencedBrokerCount") < 1 && System.nanoTime() < end) {
        LockSupport.parkNanos(10_000_000);
      }
    } finally {
      controller.shutdown();
      controller.awaitShutdown();
    }
  }

  private static int controllerGauge(String name) {
    try {
      return (int)
          ManagementFactory.getPlatformMBeanServer()
              .getAttribute(
                  new ObjectName("kafka.controller:type=KafkaController,name=" + name), "Value");
    } catch (InstanceNotFoundException e) {
      return 0;
    } catch (JMException e) {
      throw new IllegalStateException("controller metric " + name + " cannot be read", e);
    }
  }

  private static Properties common(Path directory, int controllerPort) {
    Properties p = new Properties();
    p.setProperty("node.id", Integer.toString(NODE));
    p.setProperty("log.dirs", directory.toAbsolutePath().toString());
    p.setProperty("listeners", "CONTROLLER://" + HOST + ":" + controllerPort);
    p.setProperty("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT");
    p.setProperty("controller.listener.names", "CONTROLLER");
    p.setProperty("controller.quorum.voters", NODE + "@" + HOST + ":" + controllerPort);
    return p;
  }

  private static Properties settings(Path directory, int port, int controllerPort) {
    Properties p = common(directory, controllerPort);
    p.setProperty("process.roles", "broker,controller");
    p.setProperty(
        "listeners",
        "PLAINTEXT://" + HOST + ":" + port + ",CONTROLLER://" + HOST + ":" + controllerPort);
    p.setProperty("advertised.listeners", "PLAINTEXT://" + HOST + ":" + port);

    // One broker holds the only copy of the internal topics; few partitions start fast.
    p.setProperty("default.replication.factor", "1");
    p.setProperty("min.insync.replicas", "1");
    p.setProperty("offsets.topic.replication.factor", "1");
    p.setProperty("offsets.topic.num.partitions", "4");
    p.setProperty("transaction.state.log.replication.factor", "1");
    p.setProperty("transaction.state.log.min.isr", "1");
    p.setProperty("transaction.state.log.num.partitions", "4");
    p.setProperty("share.coordinator.state.topic.replication.factor", "1");
    p.setProperty("share.coordinator.state.topic.min.isr", "1");
    p.setProperty("share.coordinator.state.topic.num.partitions", "1");

    // A mistyped topic is an error here, as it is on a well-kept cluster.
    p.setProperty("auto.create.topics.enable", "false");
    // Kafka's own default: what fits here fits a cluster that nobody tuned. Topics may raise it.
    p.setProperty("message.max.bytes", "1048588");

    p.setProperty("group.initial.rebalance.delay.ms", "0");
    p.setProperty("group.min.session.timeout.ms", "1000");
    // Transactions of a killed writer hold readers back until they are found and aborted.
    p.setProperty("transaction.abort.timed.out.transaction.cleanup.interval.ms", "1000");

    p.setProperty("num.network.threads", "2");
    p.setProperty("num.io.threads", "4");
    p.setProperty("background.threads", "2");
    p.setProperty("log.cleaner.dedupe.buffer.size", Integer.toString(16 << 20));
    p.setProperty("remote.log.storage.system.enable", "false");
    return p;
  }

  private static void format(Path directory) {
    // Written last by the formatter, so it tells a finished format from an interrupted one.
    if (Files.exists(directory.resolve("meta.properties"))) {
      return;
    }
    try {
      Files.createDirectories(directory);
      Path file = Files.createTempFile("millrace-broker", ".properties");
      try (OutputStream out = Files.newOutputStream(file)) {
        // The ports are not stored: each start brings its own.
        settings(directory, 1, 2).store(out, null);
      }
      String[] arguments = {
        "format", "--config", file.toString(), "--cluster-id", Uuid.randomUuid().toString()
      };
      ByteArrayOutputStream said = new ByteArrayOutputStream();
      int exit = StorageTool.execute(arguments, new PrintStream(said, true, UTF_8));
      Files.delete(file);
      if (exit != 0) {
        throw new IllegalStateException(
            "broker directory " + directory + " cannot be formatted: " + said.toString(UTF_8));
      }
    } catch (IOException e) {
      throw new UncheckedIOException("broker directory " + directory + " cannot be created", e);
    }
  }

  private static int[] freePorts() {
    try (ServerSocket first = new ServerSocket();
        ServerSocket second = new ServerSocket()) {
      InetAddress host = InetAddress.getByName(HOST);
      first.bind(new InetSocketAddress(host, 0));
      second.bind(new InetSocketAddress(host, 0));
      return new int[] {first.getLocalPort(), second.getLocalPort()};
    } catch (IOException e) {
      throw new UncheckedIOException("no free port on " + HOST, e);
    }
  }

  private static boolean isBindFailure(Throwable e) {
    for (Throwable cause = e; cause != null; cause = cause.getCause()) {
      if (cause instanceof BindException) {
        return true;
      }
    }
    return false;
  }
}
