package io.millrace.operator.federated;

import io.millrace.schema.UpdateTask;
import java.security.GeneralSecurityException;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * What a client does for its own privacy before an update leaves it: clip the whole to a length,
 * add Gaussian noise to every number (local differential privacy, Dwork, Roth, 2014). The noise
 * follows from a secret of the client and the task, so that a crash brings the same bytes again and
 * nobody else can take it off. Stateless but for the secret; one thread.
 */
public final class LocalNoise {
  private final byte[] secret;

  /**
   * @param secret of the client, 16 bytes or more, never sent; copied
   */
  public LocalNoise(byte[] secret) {
    if (secret.length < Authority.MINIMUM_KEY_BYTES) {
      throw new IllegalArgumentException(
          "secret has " + secret.length + " bytes, expected " + Authority.MINIMUM_KEY_BYTES);
    }
    this.secret = secret.clone();
  }

  /**
   * Clips and blurs an update.
   *
   * @param update chunks, finite, modified
   * @param clip greatest length of all chunks together, 0: any
   * @param noise standard deviation of a number, over the clip
   * @throws IllegalArgumentException for a number that is not finite, before or after
   */
  public void apply(UpdateTask task, float[][] update, double clip, double noise) {
    double square = 0;
    for (float[] chunk : update) {
      Payload.requireFinite(chunk);
      square += PackedChunk.squaredNorm(chunk);
    }
    double length = Math.sqrt(square);
    if (clip > 0 && length > clip) {
      scale(update, clip / length);
    }
    if (noise > 0) {
      CounterNoise source = new CounterNoise(key(task));
      for (int i = 0; i < update.length; i++) {
        double[] drawn =
            source.chunk(task.getModel(), task.getSequence(), i, update[i].length, noise * clip);
        for (int j = 0; j < drawn.length; j++) {
          update[i][j] = (float) (update[i][j] + drawn[j]);
        }
        Payload.requireFinite(update[i]);
      }
    }
  }

  /** Rounded towards 0, or the clipped update could be longer than the clip. */
  private static void scale(float[][] update, double factor) {
    for (float[] chunk : update) {
      for (int i = 0; i < chunk.length; i++) {
        double exact = chunk[i] * factor;
        float rounded = (float) exact;
        chunk[i] = Math.abs(rounded) > Math.abs(exact) ? Math.nextAfter(rounded, 0) : rounded;
      }
    }
  }

  private byte[] key(UpdateTask task) {
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(secret, "HmacSHA256"));
      return mac.doFinal(new CanonicalBytes("local-noise").bytes(Digests.vouched(task)).toBytes());
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every Java platform has HmacSHA256", e);
    }
  }
}
