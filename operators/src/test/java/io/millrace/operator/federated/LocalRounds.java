package io.millrace.operator.federated;

/** A client's half on a model of one chunk: local steps, codec, memory. */
final class LocalRounds {
  private LocalRounds() {}

  /** One round with local steps. */
  static byte[] round(
      ClientMethod client,
      LocalSteps local,
      Gradient gradient,
      double[][] modelAndControl,
      UpdateCodec codec,
      long seed) {
    return send(client, result(client, local, gradient, modelAndControl), codec, seed);
  }

  /** A gradient in place of local steps. */
  static byte[] compress(ClientMethod client, double[] gradient, UpdateCodec codec, long seed) {
    double[] none = new double[gradient.length];
    return send(client, new LocalResult(gradient, none, new double[0], 1), codec, seed);
  }

  /** A step of the model in place of local steps. */
  static byte[] step(ClientMethod client, double[] step, UpdateCodec codec, long seed) {
    double[] none = new double[step.length];
    return send(client, new LocalResult(none, step, new double[0], 1), codec, seed);
  }

  static ScaffoldClient.Update scaffold(
      ScaffoldClient client, LocalSteps local, Gradient gradient, double[][] modelAndControl) {
    LocalResult result = result(client, local, gradient, modelAndControl);
    ScaffoldClient.Update update =
        new ScaffoldClient.Update(client.increment(result), client.second(result));
    client.sent(update.step(), update.control());
    return update;
  }

  /** What local steps come to, shifted as the method wants. */
  static LocalResult result(
      ClientMethod client, LocalSteps local, Gradient gradient, double[][] modelAndControl) {
    double[] x = modelAndControl[0];
    double[] control = modelAndControl[1];
    double[] shift = new double[x.length];
    client.shift(control, shift, 0);
    double[] y = local.run(gradient, x, shift);
    return new LocalResult(x, y, control, local.steps() * local.rate());
  }

  private static byte[] send(
      ClientMethod client, LocalResult result, UpdateCodec codec, long seed) {
    float[] increment = client.increment(result);
    byte[] payload = codec.encode(increment.clone(), seed);
    client.sent(codec.decode(payload, increment.length, seed), new float[0]);
    return payload;
  }
}
