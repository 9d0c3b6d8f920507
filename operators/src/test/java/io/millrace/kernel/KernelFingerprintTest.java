package io.millrace.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The same bits from both twins, every lane width, interpreter and compiled code, and two JDKs. */
class KernelFingerprintTest {
  private static final String ADD_MODULE = "--add-modules=jdk.incubator.vector";
  // Early and synchronous compilation by C2: most passes run compiled code, whatever the first ran.
  private static final List<String> HOT =
      List.of(
          "-Xbatch",
          "-XX:Tier4InvocationThreshold=100",
          "-XX:Tier4MinInvocationThreshold=10",
          "-XX:Tier4CompileThreshold=200");
  private static final int HOT_PASSES = 40;
  private static final Pattern RELEASE = Pattern.compile("JAVA_VERSION=\"(\\d+)");
  private static final int FIRST_NEWER_RELEASE = 21;

  @Test
  void scalarTwinHasTheFingerprintWithoutTheModule() throws Exception {
    assertFingerprint("scalar", run(thisJava(), HOT_PASSES));
  }

  @Test
  void scalarTwinServesWhenAskedFor() throws Exception {
    assertFingerprint("scalar", run(thisJava(), 1, ADD_MODULE, "-Dmillrace.kernels=scalar"));
  }

  @Test
  void scalarTwinServesWhenTheLaneWidthIsUnknown() throws Exception {
    assertFingerprint("scalar", run(thisJava(), 1, ADD_MODULE, "-Dmillrace.kernels.bits=64"));
  }

  /**
   * A second shape, even once and in another kernel, makes JDK 17 box the vectors of all: {@link
   * SimdColumnKernels}.
   */
  @Test
  void floatVectorsHaveOneShapeInAProcess() throws Exception {
    assumeTrue(Runtime.version().feature() == 17, "the format of the log is this release's");
    String output = run(thisJava(), 2, ADD_MODULE, "-Xlog:class+init=info");
    List<String> shapes =
        Pattern.compile("jdk/incubator/vector/Float\\w+Vector'")
            .matcher(output)
            .results()
            .map(MatchResult::group)
            .distinct()
            .toList();
    assertEquals(1, shapes.size(), "shapes " + shapes);
  }

  @ParameterizedTest
  @ValueSource(ints = {128, 256, 512})
  void everyLaneWidthHasTheFingerprint(int bits) throws Exception {
    String width = "-Dmillrace.kernels.bits=" + bits;
    assertFingerprint("simd-" + bits, run(thisJava(), HOT_PASSES, ADD_MODULE, width));
  }

  @Test
  void interpreterHasTheFingerprint() throws Exception {
    assertFingerprint("simd-", run(thisJava(), 1, ADD_MODULE, "-Xint"));
  }

  @Test
  void anotherJdkHasTheFingerprint() throws Exception {
    Optional<Path> java = anotherJava();
    assumeTrue(
        java.isPresent(),
        "no other JDK from 21 on: name its home in property millrace.otherJdk or variable"
            + " MILLRACE_OTHER_JDK");
    assertFingerprint("simd-", run(java.get(), HOT_PASSES, ADD_MODULE));
    assertFingerprint("simd-", run(java.get(), 1, ADD_MODULE, "-Xint"));
    assertFingerprint("scalar", run(java.get(), HOT_PASSES));
  }

  private static void assertFingerprint(String provider, String output) {
    assertTrue(output.startsWith(provider), "got " + output + ", expected " + provider);
    String expected = " " + Long.toHexString(KernelFingerprint.EXPECTED) + " ";
    assertTrue(output.contains(expected), "got " + output + ", expected" + expected);
  }

  private static String run(Path java, int passes, String... options) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(java.toString());
    command.addAll(List.of(options));
    if (passes > 1) {
      command.addAll(HOT);
    }
    command.add("-cp");
    command.add(
        home(Kernels.class) + System.getProperty("path.separator") + home(KernelFingerprint.class));
    command.add(KernelFingerprint.class.getName());
    command.add(Integer.toString(passes));
    Path output = Files.createTempFile("fingerprint", ".txt");
    Path errors = Files.createTempFile("fingerprint", ".err");
    try {
      ProcessBuilder builder = new ProcessBuilder(command);
      builder.environment().remove("JDK_JAVA_OPTIONS");
      builder.environment().remove("JAVA_TOOL_OPTIONS");
      Process process =
          builder.redirectOutput(output.toFile()).redirectError(errors.toFile()).start();
      boolean ended = process.waitFor(120, TimeUnit.SECONDS);
      process.destroyForcibly();
      assertTrue(ended, "still running after 120 s: " + command);
      assertEquals(0, process.exitValue(), command + ": " + read(errors));
      return read(output);
    } finally {
      Files.delete(output);
      Files.delete(errors);
    }
  }

  private static String read(Path file) throws IOException {
    return Files.readString(file, StandardCharsets.UTF_8).strip();
  }

  private static Path home(Class<?> type) throws URISyntaxException {
    return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI());
  }

  private static Path thisJava() {
    return java(Path.of(System.getProperty("java.home")));
  }

  private static Path java(Path home) {
    return home.resolve("bin").resolve("java");
  }

  private static Optional<Path> anotherJava() throws IOException {
    String named = System.getProperty("millrace.otherJdk", System.getenv("MILLRACE_OTHER_JDK"));
    if (named != null) {
      return Optional.of(java(Path.of(named)));
    }
    Path installed = Path.of(System.getProperty("java.home")).toAbsolutePath().getParent();
    try (Stream<Path> homes = Files.list(installed)) {
      return homes
          .filter(KernelFingerprintTest::isNewer)
          .sorted()
          .map(home -> java(home))
          .findFirst();
    }
  }

  private static boolean isNewer(Path home) {
    Path release = home.resolve("release");
    if (!Files.isReadable(release) || !Files.isExecutable(java(home))) {
      return false;
    }
    try {
      Matcher version = RELEASE.matcher(read(release));
      return version.find()
          && Integer.parseInt(version.group(1)) >= FIRST_NEWER_RELEASE
          && Integer.parseInt(version.group(1)) != Runtime.version().feature();
    } catch (IOException failure) {
      return false;
    }
  }
}
