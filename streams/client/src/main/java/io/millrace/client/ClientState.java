package io.millrace.client;

import java.util.List;
import java.util.Optional;

/**
 * All that a client keeps of one model. Immutable: a new one takes its place, saved before anything
 * is sent.
 *
 * @param model name
 * @param client name
 * @param lastSequence number of the newest task that was answered or given up; -1: none
 * @param remembered what the method remembers; empty before the first task
 * @param open updates whose fate is not known, oldest first
 * @param masks of the masked round that is open
 */
record ClientState(
    String model,
    String client,
    long lastSequence,
    Optional<Remembered> remembered,
    List<OpenUpdate> open,
    Optional<MaskState> masks) {
  ClientState {
    open = List.copyOf(open);
  }

  static ClientState empty(String model, String client) {
    return new ClientState(model, client, -1, Optional.empty(), List.of(), Optional.empty());
  }

  ClientState with(long sequence, Optional<Remembered> memory, List<OpenUpdate> updates) {
    return new ClientState(model, client, sequence, memory, updates, masks);
  }

  ClientState withMasks(Optional<MaskState> newer) {
    return new ClientState(model, client, lastSequence, remembered, open, newer);
  }

  ClientState withOpen(List<OpenUpdate> updates) {
    return with(lastSequence, remembered, updates);
  }

  Optional<OpenUpdate> update(long sequence) {
    return open.stream().filter(update -> update.sequence() == sequence).findFirst();
  }
}
