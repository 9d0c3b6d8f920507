package io.millrace.app.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.millrace.app.Engines;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.lang.management.ManagementFactory;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * An engine in a process of its own, since a process has one engine on its class path: the app's
 * jar once more, with the same flags of the virtual machine. Its log goes to a file, whose end
 * comes with a failure. One thread.
 */
final class EngineProcess implements AutoCloseable {
  private static final long END_SECONDS = 60;

  private final ObjectMapper json = new ObjectMapper();
  private final String engine;
  private final Process process;
  private final Path log;
  private final Writer requests;
  private final BufferedReader answers;

  private EngineProcess(String engine, Process process, Path log) {
    this.engine = engine;
    this.process = process;
    this.log = log;
    this.requests = process.outputWriter();
    this.answers = process.inputReader();
  }

  /**
   * Starts a process.
   *
   * @param log file for what the process says on its standard error
   * @throws IllegalStateException where this process did not come from the app's jar
   */
  static EngineProcess start(String engine, Path log) {
    try {
      Path jar = Path.of(Engines.class.getProtectionDomain().getCodeSource().getLocation().toURI());
      if (!Files.isRegularFile(jar)) {
        throw new IllegalStateException(jar + " is no jar: engines are loaded beside the app's");
      }
      return start(
          engine,
          log,
          command(ManagementFactory.getRuntimeMXBean().getInputArguments(), jar, engine));
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  static EngineProcess start(String engine, Path log, List<String> command) {
    try {
      return new EngineProcess(
          engine, new ProcessBuilder(command).redirectError(log.toFile()).start(), log);
    } catch (IOException e) {
      throw new UncheckedIOException(engine + " cannot be started", e);
    }
  }

  /** Agents and ports of this process stay its own. */
  static List<String> command(List<String> flags, Path jar, String engine) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    for (String flag : flags) {
      if (!flag.startsWith("-agentlib:") && !flag.startsWith("-javaagent:")) {
        command.add(flag);
      }
    }
    command.addAll(List.of("-jar", jar.toString(), "bench-engine", engine));
    return command;
  }

  /**
   * Asks, and waits for the answer.
   *
   * @throws IllegalStateException when the request fails or the process has ended
   */
  EngineAnswer ask(EngineRequest request) {
    try {
      requests.write(json.writeValueAsString(request));
      requests.write('\n');
      requests.flush();
      String line = answers.readLine();
      // the virtual machine may say something of its own, about a flight recording for example
      while (line != null && !line.startsWith("{")) {
        line = answers.readLine();
      }
      if (line == null) {
        throw new IllegalStateException(engine + " has ended" + logTail());
      }
      EngineAnswer figures = json.readValue(line, EngineAnswer.class);
      if (!figures.failure().isEmpty()) {
        throw new IllegalStateException(engine + ": " + figures.failure() + logTail());
      }
      return figures;
    } catch (IOException e) {
      throw new IllegalStateException(engine + " does not answer: " + e.getMessage(), e);
    }
  }

  private String logTail() throws IOException {
    List<String> lines =
        Files.exists(log) ? Files.readAllLines(log, StandardCharsets.UTF_8) : List.of();
    return lines.isEmpty()
        ? ""
        : "; its log ends\n"
            + String.join("\n", lines.subList(Math.max(0, lines.size() - 20), lines.size()));
  }

  /** Ends the process with its input; kills it when that takes a minute. */
  @Override
  public void close() {
    try {
      requests.close();
    } catch (IOException e) {
      // it has ended before: then there is nothing to tell it
      process.destroy();
    }
    try {
      if (!process.waitFor(END_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
