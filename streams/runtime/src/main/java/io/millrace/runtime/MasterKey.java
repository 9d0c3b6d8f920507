package io.millrace.runtime;

import io.millrace.operator.federated.Authority;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The aggregator's secret: the bytes of a file, as they are, which whoever may speak in its name
 * can read. They are read where they are needed and shown nowhere: not in a message, a log, a state
 * or a job graph.
 *
 * @param setting that names the file, for messages
 * @param file on the machine of every task
 */
record MasterKey(String setting, String file) {
  private static final int LONGEST_BYTES = 1 << 16;

  /**
   * The authority behind it.
   *
   * @throws ConfigurationException for a file that cannot be read, or is no key
   */
  Authority authority() {
    byte[] key;
    try (InputStream in = Files.newInputStream(Path.of(file))) {
      key = in.readNBytes(LONGEST_BYTES + 1);
    } catch (IOException e) {
      throw refuse("which cannot be read");
    }
    if (key.length < Authority.MINIMUM_KEY_BYTES || key.length > LONGEST_BYTES) {
      throw refuse(
          key.length > LONGEST_BYTES ? "which is longer" : "which has " + key.length + " bytes");
    }
    return new Authority(key);
  }

  private ConfigurationException refuse(String problem) {
    return new ConfigurationException(
        setting
            + ": got "
            + file
            + ", "
            + problem
            + ", expected a file of "
            + Authority.MINIMUM_KEY_BYTES
            + " to "
            + LONGEST_BYTES
            + " random bytes");
  }
}
