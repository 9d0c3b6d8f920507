/**
 * Decoders that write through a KV cache and read from it: sessions whose keys and values go to a
 * pipeline, and the same sessions continued from what the pipeline made of them. For the demo: real
 * records and real pages, no logic of the pipeline's own.
 */
package io.millrace.app.continuation;
