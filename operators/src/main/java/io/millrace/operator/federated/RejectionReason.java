package io.millrace.operator.federated;

/** Why an update that was asked for is in no version. Written by name; names are never reused. */
public enum RejectionReason {
  /** Some of it had come when its round closed or its task expired, but not all. */
  INCOMPLETE,
  /** Nothing of it had come by then. */
  LATE,
  /** Made on a version that is too old, or on one that was rolled back. */
  STALE,
  /** Two payloads came for one chunk under one task. */
  EQUIVOCATION,
  /** The chunks that came are not those of the commit. */
  ROOT,
  /** The client's key was withdrawn. */
  SIGNATURE,
  /** Too long, or another length than the commit says. */
  NORM,
  /** It would have passed the client's privacy budget. */
  BUDGET,
  /** A robust rule gave it no weight. */
  RULE,
  /** Its round failed for want of others. */
  QUORUM
}
