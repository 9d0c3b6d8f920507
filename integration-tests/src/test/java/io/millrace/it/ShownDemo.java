package io.millrace.it;

import java.io.IOException;
import java.nio.file.Path;
import java.util.function.Function;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/** A demo for all tests of a class, and the browser that looks at its page: their parameter. */
final class ShownDemo implements BeforeAllCallback, AfterAllCallback, ParameterResolver {
  private final String name;
  private final Function<Path, DemoPage> start;
  private DemoPage demo;
  private Browser browser;

  /**
   * @param name of its directory below target/it
   * @param start of the demo in that directory
   */
  ShownDemo(String name, Function<Path, DemoPage> start) {
    this.name = name;
    this.start = start;
  }

  @Override
  public void beforeAll(ExtensionContext context) throws IOException {
    Browser.assumeInstalled();
    Path directory = Path.of("target", "it", name).toAbsolutePath();
    Directories.delete(directory);
    demo = start.apply(directory);
    browser = Browser.open(demo.url(), directory);
  }

  @Override
  public void afterAll(ExtensionContext context) {
    if (browser != null) {
      browser.close();
    }
    if (demo != null) {
      demo.close();
    }
  }

  @Override
  public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
    return parameter.getParameter().getType() == Browser.class;
  }

  @Override
  public Browser resolveParameter(ParameterContext parameter, ExtensionContext context) {
    return browser;
  }
}
