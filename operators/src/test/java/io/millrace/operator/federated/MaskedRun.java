package io.millrace.operator.federated;

import io.millrace.operator.federated.FederatedSettings.Masked;
import io.millrace.operator.federated.FederatedSettings.Masking;
import io.millrace.operator.federated.FederatedSettings.Synchronous;
import io.millrace.operator.federated.SecureRound.Phase;
import io.millrace.schema.MaskCohort;
import io.millrace.schema.MaskDelivery;
import io.millrace.schema.MaskSurvivors;
import io.millrace.schema.UpdateTask;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;

/** A masked round with its clients, step by step, whose server may crash between any two. */
final class MaskedRun {
  static final String MODEL = "model";
  static final long ROUND = 5;
  static final long PHASE_MICROS = 1_000_000;
  static final int CHUNKS = 3;
  static final int LENGTH = 1500;
  static final float LARGEST = 0.5f;

  final TreeMap<String, MaskingClient> clients = new TreeMap<>();
  final TreeMap<String, List<float[]>> updates = new TreeMap<>();
  final TreeMap<String, List<byte[]>> payloads = new TreeMap<>();
  final TreeMap<String, Integer> weights = new TreeMap<>();
  final TreeMap<String, MaskDelivery> deliveries = new TreeMap<>();
  private final boolean crashes;
  SecureRound round;
  MaskCohort cohort;
  MaskSurvivors survivors;

  MaskedRun(int n, int neighbours, int minimum, boolean crashes, long seed) {
    this.crashes = crashes;
    Masked settings =
        new Masked(
            new Synchronous(n, minimum, 5000, false), new Masking(0.5, neighbours, LARGEST, 1000));
    round = new SecureRound(MODEL, ROUND, seed, settings, 3, 0);
    Random random = new Random(seed);
    for (int i = 0; i < n; i++) {
      String name = name(i);
      clients.put(name, new MaskingClient(task(name, i), 2, secret(seed + i)));
      List<float[]> chunks = new ArrayList<>();
      for (int chunk = 0; chunk < CHUNKS; chunk++) {
        float[] values = new float[LENGTH - 100 * chunk];
        for (int j = 0; j < values.length; j++) {
          values[j] = (random.nextFloat() * 2 - 1) * LARGEST;
        }
        values[0] = LARGEST;
        values[1] = -LARGEST;
        chunks.add(values);
      }
      updates.put(name, chunks);
      weights.put(name, 1 + i % 3);
    }
  }

  static String name(int i) {
    return "client-" + (char) ('a' + i % 26) + i;
  }

  static UpdateTask task(String client, long sequence) {
    return new UpdateTask(
        MODEL, client, sequence, ROUND, 3L, 9L, 0L, ByteBuffer.wrap(new byte[] {1}));
  }

  static byte[] secret(long seed) {
    byte[] secret = new byte[32];
    new Random(seed).nextBytes(secret);
    return secret;
  }

  void take(FederatedOutput output) {
    if (output instanceof FederatedOutput.Cohort one) {
      cohort = one.cohort();
    } else if (output instanceof FederatedOutput.Delivery one) {
      deliveries.put(one.delivery().getClient(), one.delivery());
    } else if (output instanceof FederatedOutput.Survivors one) {
      survivors = one.survivors();
    }
  }

  byte[] bytes() {
    return bytes(round);
  }

  static byte[] bytes(SecureRound round) {
    ByteBuffer out =
        ByteBuffer.allocate(SecureRoundBytes.bytes(round)).order(ByteOrder.LITTLE_ENDIAN);
    SecureRoundBytes.encode(round, out);
    if (out.hasRemaining()) {
      throw new AssertionError(out.remaining() + " bytes too many were asked for");
    }
    return out.array();
  }

  static SecureRound decode(byte[] bytes) {
    ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    SecureRound round = SecureRoundBytes.decode(in);
    if (in.hasRemaining()) {
      throw new IllegalArgumentException(in.remaining() + " bytes left over");
    }
    return round;
  }

  private void crash() {
    if (crashes) {
      round = decode(bytes());
    }
  }

  void keys(String name) {
    round.advertise(clients.get(name).keys(), this::take);
    crash();
  }

  void deal(String name) {
    round.deal(clients.get(name).join(cohort, member -> true), this::take);
    crash();
  }

  void send(String name) {
    MaskingClient client = clients.get(name);
    client.receive(deliveries.get(name));
    List<byte[]> masked = new ArrayList<>();
    for (int chunk = CHUNKS - 1; chunk >= 0; chunk--) {
      masked.add(0, client.mask(chunk, updates.get(name).get(chunk), weights.get(name)));
    }
    payloads.put(name, masked);
  }

  void whole(String name) {
    round.whole(name, sequence(name), this::take);
    crash();
  }

  long sequence(String name) {
    return clients.get(name).keys().getTask().getSequence();
  }

  void reveal(String name) {
    if (round.phase() == Phase.REVEALS) {
      round.reveal(clients.get(name).reveal(survivors), this::take);
      crash();
    }
  }

  /** Time moves beyond the deadline of the phase. */
  void pass() {
    round.tick(round.deadlineMicros() - 1, this::take);
    round.tick(round.deadlineMicros(), this::take);
    crash();
  }

  /** Up to masked updates on their way. */
  MaskedRun dealt() {
    List.copyOf(clients.keySet()).forEach(this::keys);
    List.copyOf(clients.keySet()).forEach(this::deal);
    return this;
  }

  /** Up to the question who survives, with updates of all but some. */
  MaskedRun sent(List<String> without) {
    dealt();
    for (String name : clients.keySet()) {
      send(name);
      if (!without.contains(name)) {
        whole(name);
      }
    }
    if (!without.isEmpty()) {
      pass();
    }
    return this;
  }

  /** The integers of a chunk's sum, from payloads that come in the order of their names or not. */
  int[] sum(int chunk, boolean reversed) {
    MaskedSum sum = masked(chunk, reversed);
    sum.unmask(round.reveals());
    int[] units = new int[updates.firstEntry().getValue().get(chunk).length];
    for (int i = 0; i < units.length; i++) {
      units[i] = sum.units(i);
    }
    return units;
  }

  MaskedSum masked(int chunk, boolean reversed) {
    int length = updates.firstEntry().getValue().get(chunk).length;
    MaskedSum sum = new MaskedSum(chunk, length, scale());
    List<String> names = new ArrayList<>(round.survivors());
    if (reversed) {
      java.util.Collections.reverse(names);
    }
    names.forEach(name -> sum.add(payloads.get(name).get(chunk)));
    return sum;
  }

  MaskedScale scale() {
    return MaskedScale.finest(LARGEST, round.totalWeight());
  }

  /** The same sum from values that were never masked, in 64 bits. */
  int[] plain(int chunk) {
    long[] sum = new long[updates.firstEntry().getValue().get(chunk).length];
    for (String name : round.survivors()) {
      float[] values = updates.get(name).get(chunk);
      for (int i = 0; i < sum.length; i++) {
        sum[i] += (long) Math.rint((double) values[i] * weights.get(name) / scale().unit());
      }
    }
    int[] exact = new int[sum.length];
    for (int i = 0; i < sum.length; i++) {
      exact[i] = Math.toIntExact(sum[i]);
    }
    return exact;
  }
}
