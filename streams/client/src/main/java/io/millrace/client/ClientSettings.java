package io.millrace.client;

import io.millrace.operator.federated.FederatedKeys;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;

/**
 * Who trains what.
 *
 * @param model name
 * @param client name, unique among the model's clients
 * @param identity its key and secret
 * @param schemaHash of the layout that the training expects; empty: any
 * @param levels codecs whose error on every chunk is told with each update, for codec plans; empty:
 *     none is
 */
public record ClientSettings(
    String model,
    String client,
    ClientIdentity identity,
    Optional<ByteBuffer> schemaHash,
    List<String> levels) {
  /**
   * @throws IllegalArgumentException for names that are none
   */
  public ClientSettings {
    for (String name : List.of(model, client)) {
      if (!FederatedKeys.isName(name)) {
        throw new IllegalArgumentException(
            "name is " + name + ", expected 1 to 128 letters, digits, dots, dashes, underscores");
      }
    }
    levels = List.copyOf(levels);
  }

  /** Of any layout, without codec plans. */
  public static ClientSettings of(String model, String client, ClientIdentity identity) {
    return new ClientSettings(model, client, identity, Optional.empty(), List.of());
  }
}
