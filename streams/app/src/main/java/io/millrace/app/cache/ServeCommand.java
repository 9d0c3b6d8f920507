package io.millrace.app.cache;

import io.javalin.util.JavalinBindException;
import io.millrace.app.LogLevels;
import io.millrace.runtime.ConfigurationException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code millrace cache serve}: the reader as a small HTTP service. */
@Command(
    name = "serve",
    description = {
      "Follows a KV-cache pipeline and serves its pages until stopped: sessions, dense tensors,"
          + " attention partials.",
      "There are no passwords: on another address than loopback, whoever reaches it may read the"
          + " tenants that it serves."
    },
    mixinStandardHelpOptions = true)
final class ServeCommand implements Callable<Integer> {
  private static final int HIGHEST_PORT = 65_535;

  @Spec private CommandSpec spec;
  @Mixin private CacheSelection selection;

  @Option(names = "--host", defaultValue = "127.0.0.1", description = "Default: ${DEFAULT-VALUE}.")
  private String host;

  @Option(
      names = "--port",
      defaultValue = "8390",
      description = "0: any that is free (default: ${DEFAULT-VALUE}).")
  private int port;

  @Option(
      names = "--tenant",
      description = "Serve only this tenant; may be given more than once (default: all).")
  private Set<String> tenants = new TreeSet<>();

  @Option(
      names = "--cache-megabytes",
      defaultValue = "256",
      description = "Memory for opened pages (default: ${DEFAULT-VALUE}).")
  private int cacheMegabytes;

  @Option(
      names = "--idle-seconds",
      defaultValue = "600",
      description =
          "Event time without news after which a session's opened pages go first (default:"
              + " ${DEFAULT-VALUE}).")
  private int idleSeconds;

  @Override
  public Integer call() throws InterruptedException {
    require("--port", port, HIGHEST_PORT);
    require("--cache-megabytes", cacheMegabytes, 1 << 20);
    require("--idle-seconds", idleSeconds, Integer.MAX_VALUE);
    LogLevels.forService();
    CacheTopics topics = selection.topics();
    CacheStore store =
        new CacheStore(topics, (long) cacheMegabytes << 20, Duration.ofSeconds(idleSeconds));
    CountDownLatch stopping = new CountDownLatch(1);
    CountDownLatch closed = new CountDownLatch(1);
    Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(stopping, closed), "stop"));
    try (CacheFollower follower = CacheFollower.start(topics, store);
        CacheServer server = serve(store, follower)) {
      PrintWriter out = spec.commandLine().getOut();
      out.println("Serving the cache of " + topics.pipeline() + " at " + server.url());
      out.flush();
      stopping.await();
    } finally {
      closed.countDown();
    }
    return 0;
  }

  /** The process ends when this returns: not before all is closed, unless that takes long. */
  private static void stop(CountDownLatch stopping, CountDownLatch closed) {
    stopping.countDown();
    try {
      closed.await(10, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private CacheServer serve(CacheStore store, CacheFollower follower) {
    try {
      return CacheServer.start(
          new CacheServer.Settings(host, port, Set.copyOf(tenants)), store, follower::isCaughtUp);
    } catch (JavalinBindException e) {
      throw new ConfigurationException(
          "--port: got "
              + port
              + ", which cannot be bound on "
              + host
              + ", expected a free port, or 0 for any");
    }
  }

  private void require(String option, int value, int most) {
    if (value < 0 || value > most) {
      throw new ParameterException(
          spec.commandLine(), option + ": got " + value + ", expected 0 to " + most);
    }
  }
}
