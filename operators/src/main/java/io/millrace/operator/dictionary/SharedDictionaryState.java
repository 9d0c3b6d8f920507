package io.millrace.operator.dictionary;

/** State of a shared dictionary's merge stage. One thread. */
public final class SharedDictionaryState {
  final String key;
  final LearnerState learner;
  long version;
  boolean initialPublished;
  long revision;

  SharedDictionaryState(String key, LearnerState learner) {
    this.key = key;
    this.learner = learner;
  }

  /** The newest published version. */
  public long dictionaryVersion() {
    return version;
  }

  /** Windows learned from. */
  public long windowsLearned() {
    return learner.windows();
  }
}
