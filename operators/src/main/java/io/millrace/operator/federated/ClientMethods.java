package io.millrace.operator.federated;

/** The table of contents of clients' halves. Stateless. */
public final class ClientMethods {
  private ClientMethods() {}

  /**
   * A method by the name in a task.
   *
   * @throws IllegalArgumentException for an unknown name
   */
  public static AveragingMethod named(String id) {
    for (AveragingMethod method : AveragingMethod.values()) {
      if (method.id().equals(id)) {
        return method;
      }
    }
    throw new IllegalArgumentException(
        "averaging method is " + (id.length() > 64 ? id.length() + " characters" : id));
  }

  /**
   * The client's half of a method, remembering nothing yet.
   *
   * @param length of the chunk
   */
  public static ClientMethod of(AveragingMethod method, TaskParameters task, int length) {
    return switch (method) {
      case FEDAVG, FEDPROX, FEDASYNC, FEDBUFF ->
          task.errorFeedback() ? new ErrorFeedbackClient(length) : averaging(length, false);
      case AFA_CD -> averaging(length, true);
      case AFA_CS -> new ErrorFeedback21Client(1, length, task.memoryBits());
      case SCAFFOLD -> new ScaffoldClient(length, task.memoryBits());
      case SCALLION -> new ScallionClient(task.alpha(), length, task.memoryBits());
      case SCAFCOM -> new ScafcomClient(task.momentum(), length, task.memoryBits());
      case EF21 -> new ErrorFeedback21Client(task.momentum(), length, task.memoryBits());
      case ECONTROL -> new ErrorControlClient(task.errorWeight(), length, task.memoryBits());
    };
  }

  private static ClientMethod averaging(int length, boolean sendsGradient) {
    return new AveragingClient(length, sendsGradient);
  }
}
