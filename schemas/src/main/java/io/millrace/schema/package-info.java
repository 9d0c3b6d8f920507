/**
 * What crosses a process boundary: Avro records, the history of their schemas, and their framing.
 *
 * <p>The schemas in {@code src/main/avro} are the contract. Every released version of a schema also
 * lies, self-contained and never edited, in {@code history/RECORD.N.avsc}, so that any record ever
 * written can be read. Must never enter: anything beside Avro.
 */
package io.millrace.schema;
