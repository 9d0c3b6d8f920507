package io.millrace.client;

import io.millrace.operator.federated.ClientMethod;
import io.millrace.operator.federated.Digests;
import io.millrace.operator.federated.LocalNoise;
import io.millrace.operator.federated.LocalResult;
import io.millrace.operator.federated.MerkleTree;
import io.millrace.operator.federated.PackedChunk;
import io.millrace.operator.federated.TaskParameters;
import io.millrace.operator.federated.TaskSeeds;
import io.millrace.schema.ClientCommit;
import io.millrace.schema.TaskOffer;
import io.millrace.schema.UpdateChunk;
import io.millrace.schema.UpdateTask;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Makes an update: trains, takes what the method sends, clips and blurs it, packs or masks it chunk
 * by chunk, and signs for the whole. Everything but the training follows from the task, the client
 * and what it remembers. One thread.
 */
final class UpdateMaker {
  private static final byte[] NOTHING = {};

  private final ClientSettings settings;
  private final LocalTraining training;
  private final LocalNoise noise;

  UpdateMaker(ClientSettings settings, LocalTraining training) {
    this.settings = settings;
    this.training = training;
    this.noise = new LocalNoise(settings.identity().secret());
  }

  /**
   * Makes an update.
   *
   * @param model of the task's base version
   * @param halves of the method, a chunk each, modified
   * @param packing of its chunks
   * @throws IllegalArgumentException for numbers that cannot be sent; the halves are worthless then
   */
  OpenUpdate make(
      TaskOffer offer, ModelVersion model, ClientMethod[] halves, ChunkPacking packing) {
    TaskParameters parameters = settings.parameters(offer);
    TrainedModel trained = train(offer.getTask(), parameters, model, halves);
    double distance = trained.steps() * parameters.rate();
    float[][] update = new float[2 * halves.length][];
    int offset = 0;
    for (int i = 0; i < halves.length; i++) {
      double[] end = new double[halves[i].length()];
      System.arraycopy(trained.end(), offset, end, 0, end.length);
      offset += end.length;
      LocalResult result = new LocalResult(model.chunks()[i], end, model.controls()[i], distance);
      update[halves.length + i] = halves[i].second(result);
      update[i] = halves[i].increment(result);
    }
    if (parameters.noise() > 0 && !trained.layerMeans().isEmpty()) {
      throw new IllegalArgumentException("means of layers would travel without the local noise");
    }
    noise.apply(offer.getTask(), update, parameters.clip(), parameters.noise());
    return pack(offer, trained, halves, update, packing);
  }

  private TrainedModel train(
      UpdateTask task, TaskParameters parameters, ModelVersion model, ClientMethod[] halves) {
    double[] shift = new double[model.length()];
    int offset = 0;
    for (int i = 0; i < halves.length; i++) {
      halves[i].shift(model.controls()[i], shift, offset);
      offset += halves[i].length();
    }
    TrainedModel trained =
        training.train(
            new TrainingTask(
                task.getModel(),
                task.getBaseVersion(),
                task.getSequence(),
                model.values(),
                shift,
                parameters,
                TaskSeeds.own(task)));
    if (trained.end().length != shift.length) {
      throw new IllegalArgumentException(
          "trained model has " + trained.end().length + " numbers, expected " + shift.length);
    }
    return trained;
  }

  private OpenUpdate pack(
      TaskOffer offer,
      TrainedModel trained,
      ClientMethod[] halves,
      float[][] update,
      ChunkPacking packing) {
    UpdateTask task = offer.getTask();
    List<UpdateChunk> chunks = new ArrayList<>();
    List<byte[]> leaves = new ArrayList<>();
    List<Float> errors = new ArrayList<>();
    double squaredNorm = 0;
    boolean layered = !trained.layerMeans().isEmpty();
    if (layered && (trained.layerMeans().size() != halves.length || packing.hides())) {
      throw new IllegalArgumentException(
          "means of layers are of "
              + trained.layerMeans().size()
              + " chunks, expected "
              + (packing.hides() ? "none under masks" : halves.length));
    }
    for (int i = 0; i < halves.length; i++) {
      float[] second = update[halves.length + i];
      String codec = packing.codec(i);
      PackedChunk packed = packing.pack(i, update[i], trained.examples());
      PackedChunk beside =
          second.length == 0
              ? new PackedChunk(NOTHING, second)
              : PackedChunk.second(task, i, codec, second);
      if (layered) {
        beside = PackedChunk.layerMeans(trained.layerMeans().get(i));
      }
      if (!packing.hides()) {
        for (String level : offer.getLevels()) {
          errors.add(error(task, i, level, update[i]));
        }
        squaredNorm += PackedChunk.squaredNorm(packed.unpacked());
      }
      halves[i].sent(packed.unpacked(), beside.unpacked());
      UpdateChunk chunk =
          new UpdateChunk(
              task,
              i,
              halves.length,
              offer.getSchemaHash(),
              codec,
              ByteBuffer.wrap(packed.payload()),
              ByteBuffer.wrap(beside.payload()),
              ByteBuffer.wrap(NOTHING));
      byte[] digest = Digests.of(chunk);
      chunk.setDigest(ByteBuffer.wrap(digest));
      chunks.add(chunk);
      leaves.add(digest);
    }
    ClientCommit commit =
        new ClientCommit(
            task,
            halves.length,
            ByteBuffer.wrap(MerkleTree.root(leaves)),
            squaredNorm,
            trained.examples(),
            trained.steps(),
            errors,
            trained.measures(),
            ByteBuffer.wrap(NOTHING));
    commit.setSignature(ByteBuffer.wrap(settings.identity().sign(Digests.signed(commit))));
    return new OpenUpdate(commit, chunks, false);
  }

  /** Squared error of a codec on a chunk. */
  private static float error(UpdateTask task, int chunk, String codec, float[] values) {
    float[] unpacked = PackedChunk.update(task, chunk, codec, values).unpacked();
    double sum = 0;
    for (int i = 0; i < values.length; i++) {
      double difference = (double) values[i] - unpacked[i];
      sum += difference * difference;
    }
    return (float) Math.min(sum, Float.MAX_VALUE);
  }
}
