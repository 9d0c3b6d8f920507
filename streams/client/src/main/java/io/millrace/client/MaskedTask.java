package io.millrace.client;

import io.millrace.operator.federated.ClientSignatures;
import io.millrace.operator.federated.MaskDigests;
import io.millrace.operator.federated.MaskedCodec;
import io.millrace.operator.federated.MaskingClient;
import io.millrace.operator.federated.PackedChunk;
import io.millrace.operator.federated.TaskParameters;
import io.millrace.operator.federated.TaskSeeds;
import io.millrace.schema.MaskCohort;
import io.millrace.schema.MaskDelivery;
import io.millrace.schema.MaskKeys;
import io.millrace.schema.MaskMember;
import io.millrace.schema.MaskReveal;
import io.millrace.schema.MaskShares;
import io.millrace.schema.MaskSurvivors;
import io.millrace.schema.SingleObject;
import java.nio.ByteBuffer;
import java.util.Optional;

/**
 * A client's masks for one task, made anew of what it keeps: its secret and the records it took, in
 * the order in which it took them. What it takes changes {@link #state}, which is to be saved
 * before {@link #answer} is sent. One thread.
 */
final class MaskedTask {
  private final ClientSettings settings;
  private final MaskingClient masking;
  private MaskState state;

  /**
   * @param made whether the update was made, in an earlier life perhaps
   * @throws IllegalArgumentException for records that do not follow each other
   */
  MaskedTask(ClientSettings settings, MaskState state, boolean made) {
    this.settings = settings;
    this.state = state;
    masking =
        new MaskingClient(
            state.offer().getTask(),
            settings.choices().masks().leastMembers(),
            state.secret().clone());
    state.cohort().ifPresent(cohort -> masking.join(cohort, this::isKnown));
    state.delivery().ifPresent(masking::receive);
    if (made) {
      masking.made();
    }
    state.survivors().ifPresent(masking::reveal);
  }

  MaskState state() {
    return state;
  }

  /**
   * Joins a cohort; throws what {@link MaskingClient} does, as the others do, and changes nothing
   * then.
   */
  void take(MaskCohort cohort) {
    masking.join(cohort, this::isKnown);
    state = state.with(cohort);
  }

  /** Takes the others' shares. */
  void take(MaskDelivery delivery) {
    masking.receive(delivery);
    state = state.with(delivery);
  }

  /** Learns whose updates are in the sum. */
  void take(MaskSurvivors survivors) {
    masking.reveal(survivors);
    state = state.with(survivors);
  }

  /** How its chunks travel. */
  MaskedCodec codec() {
    return MaskedCodec.named(state.offer().getCodec());
  }

  /** Whether masks are agreed, so that the update may be made. */
  boolean isAgreed() {
    return state.delivery().isPresent();
  }

  /** The framed record that the round waits for; empty while the client waits. */
  Optional<byte[]> answer() {
    if (state.survivors().isPresent()) {
      MaskReveal reveal = masking.reveal(state.survivors().get());
      reveal.setSignature(sign(MaskDigests.signed(reveal)));
      return Optional.of(SingleObject.of(MaskReveal.class).encode(reveal));
    }
    if (state.delivery().isPresent()) {
      return Optional.empty();
    }
    if (state.cohort().isPresent()) {
      MaskShares shares = masking.join(state.cohort().get(), this::isKnown);
      shares.setSignature(sign(MaskDigests.signed(shares)));
      return Optional.of(SingleObject.of(MaskShares.class).encode(shares));
    }
    MaskKeys keys = masking.keys();
    keys.setSignature(sign(MaskDigests.signed(keys)));
    return Optional.of(SingleObject.of(MaskKeys.class).encode(keys));
  }

  /**
   * A chunk of the update as it may travel.
   *
   * @param values not modified
   * @throws IllegalArgumentException for values beyond the cohort's largest, or others than before
   */
  PackedChunk pack(int chunk, float[] values, int examples) {
    double largest = state.offer().getParameters().getOrDefault(TaskParameters.LARGEST_WEIGHT, 1.0);
    int weight = (int) Math.max(1, Math.min(examples, largest));
    float[] packed = codec().pack(values, TaskSeeds.unpack(state.offer().getTask()));
    return new PackedChunk(masking.mask(chunk, packed, weight), values);
  }

  /** Says that the whole update is saved: nothing else is masked from now on. */
  void made() {
    masking.made();
  }

  private boolean isKnown(MaskMember member) {
    if (settings.choices().masks().peers().isEmpty()) {
      return true;
    }
    ByteBuffer key = settings.choices().masks().peers().get(member.getClient());
    byte[] signed = MaskDigests.signed(settings.model(), state.round(), member);
    return key != null && ClientSignatures.verify(key, signed, member.getSignature());
  }

  private ByteBuffer sign(byte[] signed) {
    return ByteBuffer.wrap(settings.identity().sign(signed));
  }
}
