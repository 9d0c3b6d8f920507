package io.millrace.operator.federated;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.federated.FederatedSettings.Server;
import io.millrace.schema.ModelDefinition;
import io.millrace.schema.ModelLayer;
import io.millrace.schema.UpdateTask;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.ejml.dense.row.NormOps_DDRM;
import org.junit.jupiter.api.Test;

/** MKOR in rounds: activations and gradients that clients send beside their updates. */
class KroneckerRoundsTest {
  private static final int CHUNK_LENGTH = 15;
  private static final double DECAY = 0.9;

  /** Chunk 0: a matrix and a vector; chunk 1: a matrix. */
  private static final List<ModelLayer> LAYERS =
      List.of(
          new ModelLayer("w", 0L, List.of(3, 4)),
          new ModelLayer("b", 12L, List.of(3)),
          new ModelLayer("v", 15L, List.of(2, 5)));

  private static final int LENGTH = 25;

  private static ModelDefinition definition(List<ModelLayer> layers, int length) {
    ModelDefinition definition =
        new ModelDefinition(
            ChunkRecords.MODEL, (long) length, CHUNK_LENGTH, layers, ByteBuffer.allocate(0));
    definition.setSchemaHash(ByteBuffer.wrap(Digests.of(definition)));
    return definition;
  }

  private static FederatedSettings settings(OptimiserName optimiser) {
    return new FederatedTestSettings()
        .server(new Server(optimiser, 1, 0.9, DECAY, 1e-6, 0))
        .build();
  }

  private static ChunkFederation federation() {
    return new ChunkFederation(
        settings(OptimiserName.MKOR),
        Optional.of(definition(LAYERS, LENGTH)),
        new double[LENGTH],
        CHUNK_LENGTH,
        1);
  }

  private static byte[] plain(float... values) {
    return new PlainCodec().encode(values, 0);
  }

  private static float[] random(Random random, int length) {
    float[] values = new float[length];
    for (int i = 0; i < length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  /** L = g L + (1 - g) v v', and the same of R, inverted afresh each round. */
  private static final class Dense {
    final DMatrixRMaj left;
    final DMatrixRMaj right;

    Dense(int outputs, int inputs) {
      left = CommonOps_DDRM.identity(outputs);
      right = CommonOps_DDRM.identity(inputs);
    }

    double[] precondition(double[] update, double[] activation, double[] gradient) {
      take(right, activation);
      take(left, gradient);
      DMatrixRMaj before = new DMatrixRMaj(left.numRows, right.numRows, true, update);
      DMatrixRMaj inner = new DMatrixRMaj(left.numRows, right.numRows);
      DMatrixRMaj after = new DMatrixRMaj(left.numRows, right.numRows);
      CommonOps_DDRM.mult(inverse(left), before, inner);
      CommonOps_DDRM.mult(inner, inverse(right), after);
      CommonOps_DDRM.scale(NormOps_DDRM.normF(before) / NormOps_DDRM.normF(after), after);
      return after.getData();
    }

    private static void take(DMatrixRMaj sum, double[] v) {
      for (int i = 0; i < v.length; i++) {
        for (int j = 0; j < v.length; j++) {
          sum.set(i, j, DECAY * sum.get(i, j) + (1 - DECAY) * v[i] * v[j]);
        }
      }
    }

    private static DMatrixRMaj inverse(DMatrixRMaj matrix) {
      DMatrixRMaj inverse = matrix.copy();
      assertTrue(CommonOps_DDRM.invert(inverse));
      return inverse;
    }
  }

  @Test
  void roundsEqualTheMethodWithDenseMatrices() {
    ChunkFederation run = federation();
    Random random = new Random(8);
    Dense first = new Dense(3, 4);
    Dense second = new Dense(2, 5);
    double[] model = new double[LENGTH];
    for (int round = 0; round < 8; round++) {
      double[] update = new double[LENGTH];
      double[][] means = new double[2][7];
      for (int client = 0; client < 3; client++) {
        float[] values = random(random, LENGTH);
        UpdateTask task = run.task("client-" + client);
        for (int chunk = 0; chunk < 2; chunk++) {
          float[] vectors = random(random, 7);
          run.chunk(
              task, chunk, plain(ChunkRecords.slice(values, chunk, CHUNK_LENGTH)), plain(vectors));
          for (int i = 0; i < 7; i++) {
            means[chunk][i] += vectors[i] / 3.0;
          }
        }
        for (int i = 0; i < LENGTH; i++) {
          update[i] += values[i] / 3.0;
        }
      }
      run.close(0.5);
      put(update, 0, first, means[0], 4);
      put(update, 15, second, means[1], 5);
      for (int i = 0; i < LENGTH; i++) {
        model[i] += 0.5 * update[i];
      }
      assertArrayEquals(model, run.model(), 1e-9, "round " + round);
    }
    assertEquals(List.of(), run.refusals);
  }

  private static void update(ChunkFederation run, Random random) {
    UpdateTask task = run.task("client-1");
    run.chunk(task, 0, plain(random(random, 15)), plain(random(random, 7)));
    run.chunk(task, 1, plain(random(random, 10)), plain(random(random, 7)));
  }

  private static void put(double[] update, int from, Dense dense, double[] vectors, int inputs) {
    int count = inputs * (vectors.length - inputs);
    double[] part =
        dense.precondition(
            Arrays.copyOfRange(update, from, from + count),
            Arrays.copyOf(vectors, inputs),
            Arrays.copyOfRange(vectors, inputs, vectors.length));
    System.arraycopy(part, 0, update, from, count);
  }

  @Test
  void anyOrderRepetitionAndRestartGiveTheSameBytes() {
    List<List<String>> fingerprints = new ArrayList<>();
    for (int way = 0; way < 2; way++) {
      ChunkFederation run = way == 0 ? federation() : federation().chaos(3).restoring();
      Random random = new Random(9);
      for (int round = 0; round < 5; round++) {
        for (int client = 0; client < 4; client++) {
          UpdateTask task = run.task("client-" + client);
          run.chunk(task, 0, plain(random(random, 15)), plain(random(random, 7)));
          run.chunk(task, 1, plain(random(random, 10)), plain(random(random, 7)));
        }
        run.close(0.5);
      }
      fingerprints.add(run.fingerprints());
    }
    assertEquals(fingerprints.get(0), fingerprints.get(1));
    assertEquals(12, fingerprints.get(0).size());
  }

  /**
   * A layer whose inputs differ in size by 100, learned from two clients with one example each a
   * round: each optimiser at the best of several rates.
   */
  @Test
  void leastSquaresOfUnequalInputsConvergeFasterThanByPlainSteps() {
    double plain = Double.MAX_VALUE;
    double factored = Double.MAX_VALUE;
    for (double rate : new double[] {0.003, 0.01, 0.03, 0.1, 0.3}) {
      plain = Math.min(plain, loss(OptimiserName.SGD, rate));
      factored = Math.min(factored, loss(OptimiserName.MKOR, rate));
    }
    assertTrue(factored < 0.3 * plain, factored + " against " + plain);
  }

  private static double loss(OptimiserName optimiser, double rate) {
    double[] sizes = {3, 1, 0.3, 0.1, 0.03};
    Random random = new Random(12);
    double[] target = random.doubles(15, -1, 1).toArray();
    List<ModelLayer> layers = List.of(new ModelLayer("w", 0L, List.of(3, 5)));
    boolean factored = optimiser == OptimiserName.MKOR;
    ChunkFederation run =
        new ChunkFederation(
            settings(optimiser),
            factored ? Optional.of(definition(layers, 15)) : Optional.empty(),
            new double[15],
            CHUNK_LENGTH,
            1);
    for (int round = 0; round < 600; round++) {
      double[] model = run.model();
      for (int client = 0; client < 2; client++) {
        float[] vectors = new float[8];
        for (int j = 0; j < 5; j++) {
          vectors[j] = (float) (sizes[j] * random.nextGaussian());
        }
        float[] update = new float[15];
        for (int i = 0; i < 3; i++) {
          for (int j = 0; j < 5; j++) {
            vectors[5 + i] += (float) ((model[i * 5 + j] - target[i * 5 + j]) * vectors[j]);
          }
        }
        for (int i = 0; i < 15; i++) {
          update[i] = -vectors[5 + i / 5] * vectors[i % 5];
        }
        UpdateTask task = run.task("client-" + client);
        run.chunk(task, 0, plain(update), factored ? plain(vectors) : new byte[0]);
      }
      run.close(rate);
    }
    double loss = 0;
    double[] model = run.model();
    for (int i = 0; i < 15; i++) {
      double difference = (model[i] - target[i]) * sizes[i % 5];
      loss += difference * difference;
    }
    return Double.isNaN(loss) ? Double.MAX_VALUE : loss;
  }

  @Test
  void afterARollBackFactorsBeginAnewAndLayersStayKnown() {
    ChunkFederation run = federation();
    update(run, new Random(4));
    run.close(0.5);
    double[] first = run.model();
    update(run, new Random(5));
    run.close(0.5);
    update(run, new Random(4));
    run.closeFrom(0, 0.5);
    assertEquals(List.of(), run.refusals);
    assertArrayEquals(first, run.model());
  }

  @Test
  void whatDoesNotFitTheLayersIsRefused() {
    ChunkFederation run = federation();
    UpdateTask task = run.task("client-1");
    run.chunk(task, 0, plain(new float[15]), new byte[0]);
    run.chunk(task, 0, plain(new float[15]), plain(new float[8]));
    float[] poisoned = new float[7];
    poisoned[6] = Float.NaN;
    byte[] bytes = plain(new float[7]);
    ByteBuffer.wrap(bytes).order(java.nio.ByteOrder.LITTLE_ENDIAN).putFloat(24, poisoned[6]);
    run.chunk(task, 0, plain(new float[15]), bytes);
    poisoned[6] = 1e30f;
    run.chunk(task, 0, plain(new float[15]), plain(poisoned));
    run.deliver();
    assertEquals(4, run.refusals.size(), run.refusals.toString());
    assertTrue(run.refusals.get(2).startsWith("NOT_FINITE"), run.refusals.get(2));
    assertTrue(run.refusals.get(3).startsWith("OUT_OF_RANGE"), run.refusals.get(3));
    run.chunk(task, 0, plain(new float[15]), plain(new float[7]));
    run.deliver();
    assertEquals(4, run.refusals.size());
  }

  @Test
  void versionZeroWaitsForADefinitionWithoutBordersInItsLayers() {
    FederatedSettings settings = settings(OptimiserName.MKOR);
    ChunkFederation undefined = new ChunkFederation(settings, new double[LENGTH], CHUNK_LENGTH, 1);
    assertTrue(undefined.refusals.get(0).contains("needs the model's definition"));
    List<ModelLayer> across = List.of(new ModelLayer("w", 0L, List.of(5, 5)));
    ChunkFederation cut =
        new ChunkFederation(
            settings, Optional.of(definition(across, LENGTH)), new double[LENGTH], CHUNK_LENGTH, 1);
    assertTrue(
        cut.refusals.get(0).contains("layer w lies in more than one chunk"),
        cut.refusals.toString());
    ChunkFederation unasked =
        new ChunkFederation(
            settings(OptimiserName.SGD),
            Optional.of(definition(LAYERS, LENGTH)),
            new double[LENGTH],
            CHUNK_LENGTH,
            1);
    assertTrue(unasked.refusals.get(0).startsWith("WRONG_SCHEMA"), unasked.refusals.toString());
  }

  @Test
  void methodsThatShowNoMeansAreRefused() {
    FederatedTestSettings settings =
        new FederatedTestSettings().server(new Server(OptimiserName.MKOR, 1, 0, 0.9, 1e-3, 0));
    settings.build();
    assertThrows(
        IllegalArgumentException.class, () -> settings.method(AveragingMethod.EF21).build());
    assertThrows(
        IllegalArgumentException.class,
        () ->
            settings
                .method(AveragingMethod.FEDAVG)
                .robust(PreMixing.NONE, RobustRule.MEDIAN, 1)
                .build());
  }
}
