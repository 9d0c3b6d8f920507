package io.millrace.it;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.millrace.app.Millrace;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A JVM of its own on the tests' class path; what it prints goes to files. */
final class JavaProcess implements AutoCloseable {
  private final String name;
  private final Process process;
  private final Path out;
  private final Path err;

  private JavaProcess(String name, Process process, Path out, Path err) {
    this.name = name;
    this.process = process;
    this.out = out;
    this.err = err;
  }

  /**
   * Starts the app's command from its jar, as a user would: engines load only there.
   *
   * @param name of the log files
   * @param arguments of the command
   */
  static JavaProcess startApp(
      String name,
      Path directory,
      List<String> jvmArguments,
      Map<String, String> environment,
      List<String> arguments) {
    List<String> command = new ArrayList<>(List.of("-jar", appJar().toString()));
    command.addAll(arguments);
    return launch(name, directory, jvmArguments, environment, command);
  }

  /** The app's jar, beside its libraries and engines. */
  static Path appJar() {
    try {
      Path jar =
          Path.of(Millrace.class.getProtectionDomain().getCodeSource().getLocation().toURI());
      if (!Files.isRegularFile(jar)) {
        throw new AssertionError(jar + " is no jar: package the app before these tests");
      }
      return jar;
    } catch (URISyntaxException e) {
      throw new AssertionError(e);
    }
  }

  /**
   * Starts a main class.
   *
   * @param name of the log files, NAME.out and NAME.err, which are appended to
   * @param directory of the log files
   * @param jvmArguments heap and the like
   * @param environment added to this process's
   */
  static JavaProcess start(
      String name,
      Path directory,
      List<String> jvmArguments,
      Map<String, String> environment,
      List<String> mainAndArguments) {
    List<String> command = new ArrayList<>(List.of("-cp", System.getProperty("java.class.path")));
    command.addAll(mainAndArguments);
    return launch(name, directory, jvmArguments, environment, command);
  }

  /** Starts a main class on a class path of its own. */
  static JavaProcess startWith(
      List<Path> classPath,
      String name,
      Path directory,
      List<String> jvmArguments,
      List<String> mainAndArguments) {
    List<String> command = new ArrayList<>();
    command.add("-cp");
    command.add(
        classPath.stream().map(Path::toString).collect(Collectors.joining(File.pathSeparator)));
    command.addAll(mainAndArguments);
    return launch(name, directory, jvmArguments, Map.of(), command);
  }

  private static JavaProcess launch(
      String name,
      Path directory,
      List<String> jvmArguments,
      Map<String, String> environment,
      List<String> program) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("-XX:+UseSerialGC");
    command.addAll(jvmArguments);
    command.addAll(program);
    try {
      Files.createDirectories(directory);
      Path out = directory.resolve(name + ".out");
      Path err = directory.resolve(name + ".err");
      // What an earlier process of that name printed must not be taken for this one's.
      Files.write(
          out, new byte[0], StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING);
      ProcessBuilder builder = new ProcessBuilder(command);
      builder.environment().putAll(environment);
      builder.redirectOutput(ProcessBuilder.Redirect.appendTo(out.toFile()));
      builder.redirectError(ProcessBuilder.Redirect.appendTo(err.toFile()));
      return new JavaProcess(name, builder.start(), out, err);
    } catch (IOException e) {
      throw new UncheckedIOException(name + " cannot be started", e);
    }
  }

  String name() {
    return name;
  }

  boolean isAlive() {
    return process.isAlive();
  }

  /** Waits for a line on standard output that starts so; fails at once if the process ends. */
  String awaitLine(String start, Duration deadline) {
    List<String> found = new ArrayList<>();
    Await.until(
        () -> name + " prints a line \"" + start + "...\"; its log ends\n" + logTail(),
        deadline,
        () -> {
          firstLine(start).ifPresent(found::add);
          if (found.isEmpty() && !isAlive()) {
            throw new AssertionError(
                name + " ended with " + process.exitValue() + "; its log ends\n" + logTail());
          }
          return !found.isEmpty();
        });
    return found.get(0);
  }

  /** SIGKILL: no hook runs, nothing is flushed. Returns when the process is gone. */
  void kill() {
    process.destroyForcibly();
    awaitEnd(Duration.ofSeconds(20));
  }

  /** SIGTERM, and waits for the process to end by itself. */
  void stop(Duration deadline) {
    process.destroy();
    awaitEnd(deadline);
  }

  /** Waits for the process to end by itself; returns its exit code. */
  int awaitExit(Duration deadline) {
    awaitEnd(deadline);
    return process.exitValue();
  }

  /** Its threads whose name starts so, within 15 characters; from Linux's /proc, elsewhere none. */
  long threads(String nameStart) throws IOException {
    Path tasks = Path.of("/proc", Long.toString(pid()), "task");
    if (!Files.isDirectory(tasks)) {
      return 0;
    }
    long count = 0;
    try (Stream<Path> threads = Files.list(tasks)) {
      for (Path thread : threads.toList()) {
        try {
          count += Files.readString(thread.resolve("comm"), UTF_8).startsWith(nameStart) ? 1 : 0;
        } catch (NoSuchFileException e) {
          // ended since it was listed
          continue;
        }
      }
    }
    return count;
  }

  long pid() {
    return process.pid();
  }

  /** Last lines of standard error. */
  String logTail() {
    try {
      List<String> lines = Files.readAllLines(err, UTF_8);
      return String.join("\n", lines.subList(Math.max(0, lines.size() - 40), lines.size()));
    } catch (IOException e) {
      return "(" + err + " cannot be read: " + e + ")";
    }
  }

  @Override
  public void close() {
    if (isAlive()) {
      kill();
    }
  }

  private void awaitEnd(Duration deadline) {
    try {
      if (!process.waitFor(deadline.toMillis(), TimeUnit.MILLISECONDS)) {
        String tail = logTail();
        process.destroyForcibly();
        throw new AssertionError(
            name + " did not end within " + deadline.toSeconds() + " s; its log ends\n" + tail);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted waiting for the end of " + name, e);
    }
  }

  private Optional<String> firstLine(String start) throws IOException {
    // A line counts once its end is there.
    String text = Files.readString(out, UTF_8);
    return text.substring(0, text.lastIndexOf('\n') + 1)
        .lines()
        .filter(line -> line.startsWith(start))
        .findFirst();
  }
}
