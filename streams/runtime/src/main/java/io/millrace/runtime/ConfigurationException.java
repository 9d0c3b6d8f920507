package io.millrace.runtime;

/** A setting that stops the start: one line with place, key, what was got and what was expected. */
public final class ConfigurationException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public ConfigurationException(String message) {
    super(message);
  }
}
