package io.millrace.app;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;
import picocli.CommandLine.IVersionProvider;

/** Version of this program, from the build. */
final class Release implements IVersionProvider {

  @Override
  public String[] getVersion() {
    return new String[] {"millrace " + version()};
  }

  static String version() {
    Properties properties = new Properties();
    try (InputStream file = Release.class.getResourceAsStream("/millrace.properties")) {
      properties.load(file);
    } catch (IOException e) {
      throw new UncheckedIOException("millrace.properties cannot be read", e);
    }
    return properties.getProperty("version");
  }
}
