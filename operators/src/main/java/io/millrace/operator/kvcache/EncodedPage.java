package io.millrace.operator.kvcache;

import io.millrace.schema.PageTier;

/**
 * A page in one tier.
 *
 * @param codec name of its codec
 * @param basis id of the model that encoded it; empty: none
 * @param basisVersion its version; -1: none
 * @param beforeRotary whether readers turn the vectors after restoring
 * @param relativeError measured by restoring its own bytes
 * @param frame {@link PageFrame}, not modified
 */
record EncodedPage(
    PageTier tier,
    String codec,
    String basis,
    long basisVersion,
    boolean beforeRotary,
    float relativeError,
    byte[] frame) {}
