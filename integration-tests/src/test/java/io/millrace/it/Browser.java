package io.millrace.it;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.logging.Level;
import org.openqa.selenium.By;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;
import org.openqa.selenium.logging.LogEntry;
import org.openqa.selenium.logging.LogType;
import org.openqa.selenium.logging.LoggingPreferences;
import org.openqa.selenium.support.ui.WebDriverWait;

/** Debian's Chromium, looking at a page. */
final class Browser implements AutoCloseable {
  private static final Path CHROMIUM = Path.of("/usr/bin/chromium");
  private static final Path DRIVER = Path.of("/usr/bin/chromedriver");
  private static final Duration PATIENCE = Duration.ofSeconds(40);

  private final ChromeDriver driver;

  private Browser(ChromeDriver driver) {
    this.driver = driver;
  }

  /** Skips the test where there is no Chromium. */
  static void assumeInstalled() {
    assumeTrue(
        Files.isExecutable(CHROMIUM) && Files.isExecutable(DRIVER),
        "no browser: install Debian's chromium and chromium-driver to run this test");
  }

  /**
   * Opens a page.
   *
   * @param directory of the browser's profile
   */
  static Browser open(String url, Path directory) {
    Browser browser = new Browser(new ChromeDriver(service(), options(directory)));
    browser.go(url);
    return browser;
  }

  void go(String url) {
    driver.get(url);
  }

  /** Waits for a condition; on failure says what was awaited and what the console has. */
  void await(String what, BooleanSupplier condition) {
    new WebDriverWait(driver, PATIENCE)
        .withMessage(() -> what + "; the console says " + driver.manage().logs().get("browser"))
        .until(driving -> condition.getAsBoolean());
  }

  WebElement element(String id) {
    return driver.findElement(By.id(id));
  }

  List<WebElement> elements(String selector) {
    return driver.findElements(By.cssSelector(selector));
  }

  /** Text of an element as a reader sees it; empty where it is hidden. */
  String text(String id) {
    return element(id).getText();
  }

  /** A figure as the server sent it, before rounding; -1 while there is none. */
  double figure(String id) {
    String value = element(id).getDomAttribute("data-value");
    return value == null ? -1 : Double.parseDouble(value);
  }

  /** Pixels of a chart that were drawn on. */
  long drawnPixels(String id) {
    Object count =
        run(
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

  Object run(String script, Object... arguments) {
    return driver.executeScript(script, arguments);
  }

  /** What the console has warned of since the last call. */
  List<LogEntry> complaints() {
    return driver.manage().logs().get(LogType.BROWSER).getAll().stream()
        .filter(entry -> entry.getLevel().intValue() >= Level.WARNING.intValue())
        .toList();
  }

  /** Waits until nothing is wider than a phone's screen, then goes back to a desk's. */
  void assertFitsAPhone() {
    driver.executeCdpCommand(
        "Emulation.setDeviceMetricsOverride",
        Map.of("width", 390, "height", 844, "deviceScaleFactor", 2, "mobile", true));
    await(
        "nothing is wider than the screen",
        () ->
            Boolean.TRUE.equals(
                run(
                    "return innerWidth <= 400"
                        + " && document.documentElement.scrollWidth <= innerWidth;")));
    driver.executeCdpCommand("Emulation.clearDeviceMetricsOverride", Map.of());
  }

  @Override
  public void close() {
    driver.quit();
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
}
