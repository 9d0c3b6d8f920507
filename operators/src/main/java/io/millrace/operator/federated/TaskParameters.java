package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;
import java.util.Map;
import java.util.TreeMap;

/**
 * The client's part of an averaging method, as {@code TaskOffer.parameters} carry it.
 *
 * @param steps K, gradient steps; "local-steps"
 * @param rate of a step; "local-rate"
 * @param proximal mu of FedProx and FedAsync, 0: none; "proximal"
 * @param alpha of SCALLION; "alpha"
 * @param momentum of SCAFCOM (beta) and EF21-SGDM, 1: none; "momentum"
 * @param errorWeight of EControl; "error-weight"
 * @param memoryBits binary digits behind the point of what is remembered; "memory-bits"
 * @param errorFeedback whether clients of methods without a memory add what the codec lost to their
 *     next update, 0 or 1; "error-feedback"
 * @param clip length that a client clips its update to before it leaves, 0: not at all; "clip"
 * @param noise standard deviation, over the clip, of the noise that a client adds to every number,
 *     0: none; "local-noise"
 * @param largestWeight the most examples that count, where clients weigh their updates;
 *     "largest-weight"
 */
public record TaskParameters(
    int steps,
    double rate,
    double proximal,
    double alpha,
    double momentum,
    double errorWeight,
    int memoryBits,
    boolean errorFeedback,
    double clip,
    double noise,
    int largestWeight) {
  /** Names in {@code TaskOffer.parameters}. */
  public static final String STEPS = "local-steps";

  public static final String RATE = "local-rate";
  public static final String PROXIMAL = "proximal";
  public static final String ALPHA = "alpha";
  public static final String MOMENTUM = "momentum";
  public static final String ERROR_WEIGHT = "error-weight";
  public static final String MEMORY_BITS = "memory-bits";
  public static final String ERROR_FEEDBACK = "error-feedback";
  public static final String CLIP = "clip";
  public static final String NOISE = "local-noise";

  /** 1: the server's optimiser needs the layers' mean activations and gradients; for trainings. */
  public static final String LAYER_MEANS = "layer-means";

  public static final String LARGEST_WEIGHT = "largest-weight";

  /**
   * @throws IllegalArgumentException if a value is out of range
   */
  public TaskParameters {
    SettingCheck.range(STEPS, steps, 1, 1_000_000);
    SettingCheck.range(RATE, rate, 1e-30, 1e30);
    SettingCheck.range(PROXIMAL, proximal, 0, 1e30);
    SettingCheck.range(ALPHA, alpha, 1e-9, 1);
    SettingCheck.range(MOMENTUM, momentum, 1e-9, 1);
    SettingCheck.range(ERROR_WEIGHT, errorWeight, 1e-9, 1);
    SettingCheck.range(MEMORY_BITS, memoryBits, -64, 100);
    SettingCheck.range(CLIP, clip, 0, 1e100);
    SettingCheck.range(NOISE, noise, 0, 1e6);
    SettingCheck.range(LARGEST_WEIGHT, largestWeight, 1, 1 << 28);
    if (noise > 0 && !(clip > 0)) {
      throw new IllegalArgumentException(CLIP + " is " + clip + ", expected above 0 with noise");
    }
  }

  /**
   * Of a task. What is not named: one step at rate 0.01, nothing else; names that are not known
   * here are for later clients.
   *
   * @throws IllegalArgumentException if a value is out of range
   */
  public static TaskParameters of(Map<String, Double> parameters) {
    return new TaskParameters(
        whole(parameters, STEPS, 1),
        parameters.getOrDefault(RATE, 0.01),
        parameters.getOrDefault(PROXIMAL, 0.0),
        parameters.getOrDefault(ALPHA, 1.0),
        parameters.getOrDefault(MOMENTUM, 1.0),
        parameters.getOrDefault(ERROR_WEIGHT, 0.1),
        whole(parameters, MEMORY_BITS, 40),
        parameters.getOrDefault(ERROR_FEEDBACK, 0.0) != 0,
        parameters.getOrDefault(CLIP, 0.0),
        parameters.getOrDefault(NOISE, 0.0),
        whole(parameters, LARGEST_WEIGHT, 1));
  }

  /**
   * Of what the aggregator's settings ask of clients. In masked rounds they clip and weigh, since
   * nobody else sees an update.
   */
  public static TaskParameters of(FederatedSettings settings) {
    FederatedSettings.Local local = settings.method().local();
    boolean masked = settings.rounds().policy() instanceof FederatedSettings.Masked;
    boolean weighs = masked && settings.privacy().noise() == 0;
    return new TaskParameters(
        local.steps(),
        local.rate(),
        local.proximal(),
        local.alpha(),
        local.momentum(),
        local.errorWeight(),
        settings.method().memoryBits(),
        false,
        masked ? settings.privacy().clip() : 0,
        0,
        weighs ? settings.admission().largestWeight() : 1);
  }

  /**
   * With what a client chooses for itself.
   *
   * @param feedback error feedback, whatever the task says
   * @param ownClip clips to the shorter of both, 0: the task's
   * @param ownNoise the greater of both counts
   */
  public TaskParameters with(boolean feedback, double ownClip, double ownNoise) {
    double shorter = clip > 0 && ownClip > 0 ? Math.min(clip, ownClip) : Math.max(clip, ownClip);
    return new TaskParameters(
        steps,
        rate,
        proximal,
        alpha,
        momentum,
        errorWeight,
        memoryBits,
        errorFeedback || feedback,
        shorter,
        Math.max(noise, ownNoise),
        largestWeight);
  }

  /** For {@code TaskOffer.parameters}. */
  public Map<String, Double> toMap() {
    Map<String, Double> map = new TreeMap<>();
    map.put(STEPS, (double) steps);
    map.put(RATE, rate);
    map.put(PROXIMAL, proximal);
    map.put(ALPHA, alpha);
    map.put(MOMENTUM, momentum);
    map.put(ERROR_WEIGHT, errorWeight);
    map.put(MEMORY_BITS, (double) memoryBits);
    map.put(ERROR_FEEDBACK, errorFeedback ? 1.0 : 0.0);
    map.put(CLIP, clip);
    map.put(NOISE, noise);
    map.put(LARGEST_WEIGHT, (double) largestWeight);
    return map;
  }

  private static int whole(Map<String, Double> parameters, String name, int otherwise) {
    double value = parameters.getOrDefault(name, (double) otherwise);
    if (value != (int) value) {
      throw new IllegalArgumentException(name + " is " + value + ", expected a whole number");
    }
    return (int) value;
  }
}
