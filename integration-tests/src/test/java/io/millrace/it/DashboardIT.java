package io.millrace.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;
import org.openqa.selenium.By;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;
import org.openqa.selenium.logging.LogEntry;
import org.openqa.selenium.logging.LogType;
import org.openqa.selenium.logging.LoggingPreferences;
import org.openqa.selenium.support.ui.WebDriverWait;

/**
 * A real browser looks at the page of a running demo. With {@code -Dmillrace.dashboard.url=URL} it
 * looks at that page instead. Skipped where there is no Chromium.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class DashboardIT {
  private static final Path CHROMIUM = Path.of("/usr/bin/chromium");
  private static final Path DRIVER = Path.of("/usr/bin/chromedriver");
  private static final Pattern URL = Pattern.compile("http://127\\.0\\.0\\.1:\\d+/");
  private static final Duration START = Duration.ofSeconds(90);
  private static final Duration PATIENCE = Duration.ofSeconds(40);

  private Optional<Process> demo = Optional.empty();
  private ChromeDriver browser;

  @BeforeAll
  void openThePage(@TempDir Path directory) throws Exception {
    assumeTrue(
        Files.isExecutable(CHROMIUM) && Files.isExecutable(DRIVER),
        "no browser: install Debian's chromium and chromium-driver to run this test");
    String given = System.getProperty("millrace.dashboard.url", "");
    String url = given.isEmpty() ? startDemo(directory) : given;
    browser = new ChromeDriver(service(), options(directory));
    browser.get(url);
  }

  @AfterAll
  void closeAll() {
    if (browser != null) {
      browser.quit();
    }
    demo.ifPresent(Process::destroyForcibly);
  }

  private String startDemo(Path directory) throws IOException, InterruptedException {
    Path output = directory.resolve("demo.out");
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules",
                "jdk.incubator.vector",
                "-jar",
                JavaProcess.appJar().toString(),
                "demo",
                "--for",
                "300s",
                "--port",
                "0")
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    demo = Optional.of(process);
    long deadline = System.nanoTime() + START.toNanos();
    while (System.nanoTime() < deadline) {
      Matcher url = URL.matcher(Files.readString(output, StandardCharsets.UTF_8));
      if (url.find()) {
        return url.group();
      }
      if (process.waitFor(100, TimeUnit.MILLISECONDS)) {
        break;
      }
    }
    throw new AssertionError(
        "demo named no page; it printed\n" + Files.readString(output, StandardCharsets.UTF_8));
  }

  private static ChromeDriverService service() {
    return new ChromeDriverService.Builder()
        .usingDriverExecutable(DRIVER.toFile())
        .usingAnyFreePort()
        .build();
  }

  private static ChromeOptions options(Path directory) {
    LoggingPreferences logs = new LoggingPreferences();
    logs.enable(LogType.BROWSER, Level.ALL);
    ChromeOptions options = new ChromeOptions();
    options.setBinary(CHROMIUM.toFile());
    options.setCapability(ChromeOptions.LOGGING_PREFS, logs);
    options.addArguments(
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1440,900",
        "--user-data-dir=" + directory.resolve("profile"));
    return options;
  }

  private void await(String what, java.util.function.BooleanSupplier condition) {
    new WebDriverWait(browser, PATIENCE)
        .withMessage(() -> what + "; the console says " + browser.manage().logs().get("browser"))
        .until(driver -> condition.getAsBoolean());
  }

  /** A figure as the server sent it, before rounding; -1 while there is none. */
  private double figure(String id) {
    String value = browser.findElement(By.id(id)).getDomAttribute("data-value");
    return value == null ? -1 : Double.parseDouble(value);
  }

  /** Pixels of a chart that were drawn on. */
  private long drawnPixels(String id) {
    Object count =
        browser.executeScript(
            """
            let drawn = 0;
            for (const canvas of document.querySelectorAll('#' + arguments[0] + ' canvas')) {
              const copy = new OffscreenCanvas(canvas.width, canvas.height)
                .getContext('2d', { willReadFrequently: true });
              copy.drawImage(canvas, 0, 0);
              const pixels = copy.getImageData(0, 0, canvas.width, canvas.height).data;
              for (let i = 3; i < pixels.length; i += 4) if (pixels[i] > 0) drawn++;
            }
            return drawn;
            """,
            id);
    return ((Number) count).longValue();
  }

  @Test
  @Order(1)
  void numbersMoveWhileThePipelineRuns() {
    await("records are counted", () -> figure("records-in") > 0);
    double before = figure("records-in");
    await("more records are counted", () -> figure("records-in") > before);
    await("records come at a rate", () -> figure("records-per-second") > 0);
    await("codes are measured", () -> figure("compression-ratio") > 0);
    assertEquals("live", browser.findElement(By.id("connection")).getText());
  }

  @Test
  @Order(2)
  void dictionariesAreLearnedAndTheirAtomsDrawn() {
    await("a version beyond the first is there", () -> figure("model-versions") > 1);
    await(
        "atoms are there",
        () -> browser.findElement(By.id("atoms-chart")).getDomAttribute("data-atoms") != null);
    await("atoms are drawn", () -> drawnPixels("atoms-chart") > 2_000);
    await("versions are drawn", () -> drawnPixels("versions-chart") > 500);
  }

  @Test
  @Order(3)
  void theSignalAndItsReconstructionAreDrawn() {
    await(
        "a sensor can be chosen",
        () -> !browser.findElements(By.cssSelector("#sensor option")).isEmpty());
    await("the signal is drawn", () -> drawnPixels("signal-chart") > 2_000);
    String newest =
        "return fetch('/api/snapshot').then((answer) => answer.json()).then((snapshot) =>"
            + " snapshot.pipelines[0].sensors.some((sensor) =>"
            + " sensor.reconstruction[0].some((value) => value !== null)));";
    await("windows are restored", () -> Boolean.TRUE.equals(browser.executeScript(newest)));
  }

  @Test
  @Order(4)
  void eachPipelineHasItsTab() {
    List<WebElement> tabs = browser.findElements(By.cssSelector("#pipelines button"));
    assertTrue(tabs.size() > 1, "got " + tabs.size() + " tabs, expected one per pipeline");
    String before = browser.findElement(By.id("topics")).getText();
    tabs.get(1).click();
    await(
        "the other pipeline is shown",
        () -> !browser.findElement(By.id("topics")).getText().equals(before));
    assertEquals("true", tabs.get(1).getDomAttribute("aria-selected"));
    assertNotEquals("true", tabs.get(0).getDomAttribute("aria-selected"));
    await("its signal is drawn", () -> drawnPixels("signal-chart") > 2_000);
  }

  @Test
  @Order(5)
  void theBrowserHasNothingToComplainAboutAndAsksNobodyElse() {
    List<LogEntry> complaints =
        browser.manage().logs().get(LogType.BROWSER).getAll().stream()
            .filter(entry -> entry.getLevel().intValue() >= Level.WARNING.intValue())
            .toList();
    assertEquals(List.of(), complaints);
    Object foreign =
        browser.executeScript(
            "return performance.getEntriesByType('resource').map((entry) => entry.name)"
                + ".filter((name) => !name.startsWith(location.origin + '/'));");
    assertEquals(List.of(), foreign);
  }

  @Test
  @Order(6)
  void fitsANarrowScreen() {
    browser.executeCdpCommand(
        "Emulation.setDeviceMetricsOverride",
        Map.of("width", 390, "height", 844, "deviceScaleFactor", 2, "mobile", true));
    await(
        "nothing is wider than the screen",
        () ->
            Boolean.TRUE.equals(
                browser.executeScript(
                    "return innerWidth <= 400"
                        + " && document.documentElement.scrollWidth <= innerWidth;")));
    browser.executeCdpCommand("Emulation.clearDeviceMetricsOverride", Map.of());
  }

  @Test
  @Order(7)
  void saysThatItReconnectsWhenTheProcessIsGone() {
    assumeTrue(demo.isPresent(), "the page that was given is not ours to stop");
    demo.ifPresent(Process::destroyForcibly);
    await(
        "the lost connection is shown",
        () -> browser.findElement(By.id("connection")).getText().equals("reconnecting"));
  }
}
