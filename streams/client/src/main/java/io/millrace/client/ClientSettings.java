package io.millrace.client;

import io.millrace.operator.federated.FederatedKeys;
import io.millrace.operator.federated.MaskedCodec;
import io.millrace.operator.federated.TaskParameters;
import io.millrace.schema.TaskOffer;
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
 * @param choices what the client does whatever the task says
 */
public record ClientSettings(
    String model,
    String client,
    ClientIdentity identity,
    Optional<ByteBuffer> schemaHash,
    Choices choices) {

  /**
   * What a client does of its own accord.
   *
   * @param errorFeedback adds what the codec lost to its next update, in methods that remember
   *     nothing: for codecs that keep a part, such as top-k
   * @param clip length that the update is clipped to, 0: as the task says
   * @param noise standard deviation, over the clip, of noise on every number
   * @param masks what it asks of masked rounds
   */
  public record Choices(boolean errorFeedback, double clip, double noise, MaskChoices masks) {
    /** As the task says. */
    public static final Choices NONE = new Choices(false, 0, 0);

    /** With the usual masks. */
    public Choices(boolean errorFeedback, double clip, double noise) {
      this(errorFeedback, clip, noise, MaskChoices.USUAL);
    }
  }

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
  }

  /** Of any layout. */
  public static ClientSettings of(String model, String client, ClientIdentity identity) {
    return new ClientSettings(model, client, identity, Optional.empty(), Choices.NONE);
  }

  /**
   * The client's part of a task. Of masked updates nothing is lost that could be fed back.
   *
   * @throws IllegalArgumentException for parameters out of range
   */
  TaskParameters parameters(TaskOffer offer) {
    boolean feedback = choices.errorFeedback() && !isMasked(offer);
    return TaskParameters.of(offer.getParameters()).with(feedback, choices.clip(), choices.noise());
  }

  /** Whether a task's update travels masked. */
  static boolean isMasked(TaskOffer offer) {
    return MaskedCodec.isMasked(offer.getCodec());
  }
}
