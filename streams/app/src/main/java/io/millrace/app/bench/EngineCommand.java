package io.millrace.app.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.millrace.app.Engines;
import io.millrace.runtime.Deployment;
import io.millrace.runtime.Engine;
import io.millrace.runtime.EngineRun;
import io.millrace.runtime.LaunchSettings;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * One engine under measurement, in a process of its own, told what to do on its standard input:
 * {@link EngineProcess} is the other side. It ends with its input. One run at a time.
 */
@Command(name = "bench-engine", hidden = true, description = "Used by bench.")
public final class EngineCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "ENGINE")
  private String name;

  private MeterRegistry registry = new SimpleMeterRegistry();
  private EngineRun runOrNull;

  @Override
  public Integer call() throws IOException, InterruptedException {
    Engine engine = Engines.load(name);
    ObjectMapper json = new ObjectMapper();
    PrintWriter out = spec.commandLine().getOut();
    try (BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        out.println(
            json.writeValueAsString(answer(engine, json.readValue(line, EngineRequest.class))));
        out.flush();
      }
    } finally {
      stop();
    }
    return 0;
  }

  private EngineAnswer answer(Engine engine, EngineRequest request) throws InterruptedException {
    try {
      switch (request.action()) {
        case RUN -> {
          registry = new SimpleMeterRegistry();
          start(engine.open(deployment(request), LaunchSettings.LOCAL, registry));
        }
        case COPY -> {
          registry = new SimpleMeterRegistry();
          start(engine.openCopy(deployment(request), request.copyFrom(), request.copyTo()));
        }
        case STOP -> stop();
        case FIGURES -> {}
      }
      return EngineAnswer.of(cpuNanos() / 1e9, registry);
    } catch (RuntimeException e) {
      return EngineAnswer.failed(e.toString());
    }
  }

  private void start(EngineRun run) throws InterruptedException {
    if (runOrNull != null) {
      throw new IllegalStateException("something runs already");
    }
    runOrNull = run;
    run.start();
  }

  private void stop() {
    if (runOrNull != null) {
      runOrNull.close();
      runOrNull = null;
    }
  }

  private static Deployment deployment(EngineRequest request) {
    return Deployment.parse("bench.yaml", request.deployment(), Map.of());
  }

  private static long cpuNanos() {
    return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
        .getProcessCpuTime();
  }
}
