package io.millrace.operator.federated;

import io.millrace.schema.UpdateTask;
import java.util.ArrayList;
import java.util.List;

/** A client of a {@link Federation}: local steps down a slope, its half of a method, a codec. */
final class MethodClient implements Federation.Client {
  private final ClientMethod half;
  private final LocalSteps local;
  private final Gradient gradient;
  private final UpdateCodec codec;
  private final int chunkLength;

  MethodClient(
      ClientMethod half, LocalSteps local, Gradient gradient, String codec, int chunkLength) {
    this.half = half;
    this.local = local;
    this.gradient = gradient;
    this.codec = UpdateCodecs.named(codec);
    this.chunkLength = chunkLength;
  }

  @Override
  public Federation.Sent train(UpdateTask task, double[] model, double[] control) {
    LocalResult result = LocalRounds.result(half, local, gradient, new double[][] {model, control});
    float[] increment = half.increment(result);
    float[] second = half.second(result);
    List<byte[]> payloads = payloads(increment, task.getSeed());
    List<byte[]> seconds = payloads(second, task.getSeed());
    half.sent(
        unpacked(payloads, increment.length, task.getSeed()),
        unpacked(seconds, second.length, task.getSeed()));
    return new Federation.Sent(payloads, seconds);
  }

  private List<byte[]> payloads(float[] values, long seed) {
    List<byte[]> payloads = new ArrayList<>();
    for (int chunk = 0; chunk * chunkLength < values.length; chunk++) {
      payloads.add(codec.encode(ChunkRecords.slice(values, chunk, chunkLength), seed));
    }
    return payloads;
  }

  private float[] unpacked(List<byte[]> payloads, int length, long seed) {
    float[] values = new float[length];
    for (int chunk = 0; chunk < payloads.size(); chunk++) {
      int from = chunk * chunkLength;
      int size = Math.min(chunkLength, length - from);
      System.arraycopy(codec.decode(payloads.get(chunk), size, seed), 0, values, from, size);
    }
    return values;
  }
}
