package io.millrace.app.cohort;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.ProcessBuilder.Redirect;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Processes of this program, each started again soon after it ends, however it ended. What they
 * print goes to a file each. They read their standard input, whose end is this process's end, so
 * that none outlives it. Thread-safe.
 */
public final class ChildProcesses implements AutoCloseable {
  private static final long PAUSE_MILLIS = 300;
  private static final long END_SECONDS = 20;

  private final Path jar;
  private final Path directory;
  private final Map<String, Child> children = new LinkedHashMap<>();
  private final Thread watch = new Thread(this::watch, "child-processes");
  private volatile boolean closing;

  /**
   * What a process is and has been.
   *
   * @param pid 0 while it is not there
   * @param starts so far
   */
  public record State(String name, long pid, int starts) {}

  private static final class Child {
    private final List<String> command;
    private Process process;
    private int starts;

    Child(List<String> command) {
      this.command = command;
    }
  }

  /**
   * @param jar of this program
   * @param directory of what the processes print
   */
  public ChildProcesses(Path jar, Path directory) {
    this.jar = jar;
    this.directory = directory;
    watch.setDaemon(true);
    watch.start();
  }

  /**
   * The jar that this program came from.
   *
   * @throws IllegalStateException where it did not come from a jar
   */
  public static Path jar() {
    try {
      Path jar =
          Path.of(ChildProcesses.class.getProtectionDomain().getCodeSource().getLocation().toURI());
      if (!Files.isRegularFile(jar)) {
        throw new IllegalStateException(jar + " is no jar: other processes start from the app's");
      }
      return jar;
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * Starts a process, and again whenever it ends.
   *
   * @param flags of the virtual machine
   * @param arguments of this program's command
   */
  public synchronized void start(String name, List<String> flags, List<String> arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(flags);
    command.addAll(List.of("-jar", jar.toString()));
    command.addAll(arguments);
    Child child = new Child(command);
    children.put(name, child);
    launch(name, child);
  }

  private void launch(String name, Child child) {
    File log = log(name).toFile();
    try {
      child.process =
          new ProcessBuilder(child.command)
              .redirectErrorStream(true)
              .redirectOutput(Redirect.appendTo(log))
              .start();
      child.starts++;
    } catch (IOException e) {
      throw new UncheckedIOException(name + " cannot be started", e);
    }
  }

  /** What a process has printed, over all its starts. */
  public Path log(String name) {
    return directory.resolve(name + ".log");
  }

  /** All of them, in the order of their first starts. */
  public synchronized List<State> states() {
    List<State> states = new ArrayList<>();
    children.forEach(
        (name, child) ->
            states.add(
                new State(name, child.process.isAlive() ? child.process.pid() : 0, child.starts)));
    return states;
  }

  private void watch() {
    try {
      while (!closing) {
        Thread.sleep(PAUSE_MILLIS);
        restartEnded();
      }
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
    }
  }

  private synchronized void restartEnded() {
    children.forEach(
        (name, child) -> {
          if (!closing && !child.process.isAlive()) {
            launch(name, child);
          }
        });
  }

  /** Ends all of them, the last one started first. */
  @Override
  public void close() {
    List<Process> processes = new ArrayList<>();
    synchronized (this) {
      closing = true;
      children.values().forEach(child -> processes.add(0, child.process));
    }
    processes.forEach(Process::destroy);
    try {
      for (Process process : processes) {
        if (!process.waitFor(END_SECONDS, TimeUnit.SECONDS)) {
          process.destroyForcibly();
        }
      }
    } catch (InterruptedException e) {
      processes.forEach(Process::destroyForcibly);
      Thread.currentThread().interrupt();
    }
  }
}
