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
  private static final Duration PATIENCE = Duration.ofSeconds(120);

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

  /**
   * Texts of all elements that a selector finds, as a reader sees them, of one moment. No element
   * is kept: the page draws its rows anew with every snapshot. Spaces that do not break are spaces.
   */
  List<String> texts(String selector) {
    return strings(
        "return [...document.querySelectorAll(arguments[0])].map(e => e.innerText);", selector);
  }

  /** Of the elements that a selector finds, those that a reader sees; by their text. */
  List<String> shown(String selector) {
    return strings(
        "return [...document.querySelectorAll(arguments[0])]"
            + ".filter(e => e.checkVisibility()).map(e => e.innerText);",
        selector);
  }

  /** Text of an element as a reader sees it. */
  String text(String id) {
    return texts("#" + id).get(0);
  }

  /** An attribute of the first element that a selector finds; null where it has none. */
  String attribute(String selector, String name) {
    return (String)
        run(
            "return document.querySelector(arguments[0]).getAttribute(arguments[1]);",
            selector,
            name);
  }

  /** A figure as the server sent it, before rounding; -1 while there is none. */
  double figure(String id) {
    String value = attribute("#" + id, "data-value");
    return value == null ? -1 : Double.parseDouble(value);
  }

  /** Clicks the first element that a selector finds, as a reader would. */
  void click(String selector) {
    driver.findElement(By.cssSelector(selector)).click();
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

  private List<String> strings(String script, Object... arguments) {
    return ((List<?>) run(script, arguments))
        .stream().map(text -> ((String) text).replace('\u00a0', ' ')).toList();
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
