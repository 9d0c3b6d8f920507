package io.millrace.operator.federated;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Writes the state files of a newborn format version: {@code GoldenControlStates FOLDER} once, with
 * {@code src/test/resources/golden} as the folder. Files of a released version are never written
 * again.
 */
final class GoldenControlStates {
  private GoldenControlStates() {}

  public static void main(String[] arguments) throws IOException {
    Path folder = Path.of(arguments[0]).resolve("federated-rounds").resolve("v1");
    Files.createDirectories(folder);
    write(folder, "empty", new ControlRun(new ControlTestSettings().build(), 3));
    write(folder, "robust", simulated(RoundControlLawsTest.robustAndCarrying(), true));
    write(folder, "private", simulated(RoundControlLawsTest.privateRounds(), false));
    write(folder, "buffered", simulated(RoundControlLawsTest.corrected(), false));
  }

  /** A run that ends while a rule waits for Gram matrices, or while a version is made. */
  private static ControlRun simulated(ControlTestSettings settings, boolean deciding) {
    for (int inputs = 300; inputs < 2000; inputs++) {
      ControlRun run = new ControlSimulation(settings.build(), 3, 1, inputs).run();
      OpenVersion open = run.state.openOrNull;
      boolean rich = open != null && open.isDeciding() == deciding && open.rejected.size() > 1;
      if (rich && (deciding ? !open.earlyGrams.isEmpty() : !open.done.isEmpty())) {
        return run;
      }
    }
    throw new IllegalStateException("no run ends so");
  }

  private static void write(Path folder, String name, ControlRun run) throws IOException {
    byte[][] sections = run.sections();
    for (int section = 0; section < sections.length; section++) {
      Files.write(folder.resolve(name + "." + section + ".bin"), sections[section]);
    }
  }
}
