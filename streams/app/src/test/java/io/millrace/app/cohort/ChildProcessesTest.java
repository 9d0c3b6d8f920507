package io.millrace.app.cohort;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.app.cohort.ChildProcesses.State;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.jar.Attributes.Name;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Processes that end are there again, until all are ended. */
class ChildProcessesTest {
  private static final Duration PATIENCE = Duration.ofSeconds(120);

  /** The program: says its argument, then waits for the end of its input. */
  static final class Waiting {
    public static void main(String[] arguments) throws IOException {
      System.out.println("here is " + arguments[0]);
      System.in.transferTo(OutputStream.nullOutputStream());
    }
  }

  private static Path jar(Path directory) throws IOException {
    Manifest manifest = new Manifest();
    manifest.getMainAttributes().put(Name.MANIFEST_VERSION, "1.0");
    manifest.getMainAttributes().put(Name.MAIN_CLASS, Waiting.class.getName());
    Path jar = directory.resolve("waiting.jar");
    String entry = Waiting.class.getName().replace('.', '/') + ".class";
    try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar), manifest);
        InputStream bytes = Waiting.class.getResourceAsStream("/" + entry)) {
      out.putNextEntry(new JarEntry(entry));
      bytes.transferTo(out);
    }
    return jar;
  }

  @Test
  void aKilledOneIsStartedAgainAndNoneOutlivesTheEnd(@TempDir Path directory) throws Exception {
    List<State> last;
    try (ChildProcesses processes = new ChildProcesses(jar(directory), directory)) {
      List<String> flags = List.of("-Xmx32m", "-XX:TieredStopAtLevel=1");
      processes.start("ada", flags, List.of("ada"));
      processes.start("bob", flags, List.of("bob"));
      await(() -> said(processes.log("ada")) == 1 && said(processes.log("bob")) == 1);
      State first = processes.states().get(0);
      assertEquals("ada", first.name());
      assertEquals(1, first.starts());

      assertTrue(ProcessHandle.of(first.pid()).orElseThrow().destroyForcibly());
      await(() -> said(processes.log("ada")) == 2);
      last = processes.states();
      assertEquals(2, last.get(0).starts());
      assertNotEquals(first.pid(), last.get(0).pid());
      assertEquals(1, last.get(1).starts());
    }
    for (State state : last) {
      assertFalse(ProcessHandle.of(state.pid()).map(ProcessHandle::isAlive).orElse(false));
    }
  }

  private static long said(Path log) {
    try {
      return Files.readAllLines(log).stream().filter(line -> line.startsWith("here is")).count();
    } catch (IOException e) {
      return 0; // nothing yet
    }
  }

  private static void await(BooleanSupplier condition) throws InterruptedException {
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (!condition.getAsBoolean()) {
      assertTrue(System.nanoTime() - end < 0, "it did not come about");
      Thread.sleep(50);
    }
  }
}
