package io.millrace.app.bench;

import io.millrace.operator.dictionary.BatchOrthogonalMatchingPursuit;
import io.millrace.operator.dictionary.DictionaryLearner;
import io.millrace.operator.dictionary.FrankWolfeDictionaryLearning;
import io.millrace.operator.dictionary.HardThreshold;
import io.millrace.operator.dictionary.LearnerState;
import io.millrace.operator.dictionary.OnlineDictionaryLearning;
import io.millrace.operator.dictionary.SparseCoder;
import io.millrace.operator.dictionary.SparseCodes;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/**
 * Learners on planted records, from random records as first atoms: an operation is a round, which
 * codes a batch, adds it up and makes the next dictionary. Shape ORTHONORMAL learns by Frank-Wolfe
 * and codes by thresholding, the others learn by sufficient statistics and code by matching
 * pursuit.
 */
@State(Scope.Thread)
public class LearnerBenchmark {
  private static final int POOL = 8192;
  private static final long SEED = 20100120;

  /** Set by JMH. */
  @Param("A")
  public Shape shape;

  /** Records of a round; set by JMH. */
  @Param("256")
  public int batch;

  private final SparseCodes codes = new SparseCodes();
  private float[] records;
  private int next;
  private SparseCoder coder;
  private DictionaryLearner learner;
  private LearnerState state;

  /** Draws the records and the first dictionary. */
  @Setup
  public void plant() {
    PlantedRecords planted = PlantedRecords.of(shape, SEED);
    records = planted.next(POOL);
    if (shape.orthonormal()) {
      coder = new HardThreshold(new HardThreshold.Settings(shape.nonzeros(), 0f, false));
      learner = new FrankWolfeDictionaryLearning(FrankWolfeDictionaryLearning.Settings.DEFAULT);
    } else {
      coder =
          new BatchOrthogonalMatchingPursuit(
              BatchOrthogonalMatchingPursuit.Settings.atoms(shape.nonzeros()));
      learner = new OnlineDictionaryLearning(OnlineDictionaryLearning.Settings.DEFAULT);
    }
    float[] first = planted.next(shape.atoms());
    state = learner.createState(first, shape.atoms(), shape.dimension());
  }

  /** A round of learning. */
  @Benchmark
  public LearnerState learn(CpuClock clock) {
    int from = code(clock);
    learner.accumulate(state, records, from, batch, codes);
    learner.endRound(state);
    return state;
  }

  /** The coding of a round alone, with the first dictionary: the learner's ceiling. */
  @Benchmark
  public int codeOnly(CpuClock clock) {
    code(clock);
    return codes.entryCount();
  }

  /** Codes the next records and returns the entry at which they start. */
  private int code(CpuClock clock) {
    clock.records += batch;
    int from = next * shape.dimension();
    next = (next + batch) % POOL;
    codes.clear();
    coder.code(state.dictionary(), records, from, batch, codes);
    return from;
  }
}
