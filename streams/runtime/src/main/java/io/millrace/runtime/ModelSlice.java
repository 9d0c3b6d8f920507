package io.millrace.runtime;

import org.apache.avro.specific.SpecificRecord;

/**
 * A record of a model topic: one slice of a version. The newest type of model is a case here and in
 * {@link ModelAssembly}.
 *
 * @param id of the model
 * @param first atom or component in it; names the slice within its version
 * @param record not to be modified
 */
public record ModelSlice(String id, long version, int first, SpecificRecord record) {}
