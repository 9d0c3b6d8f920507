/**
 * Sliding KV-cache compression: pages of keys and values, one class per page codec, and attention
 * on pages. Pure functions of bytes; no engine, no clock.
 */
package io.millrace.operator.kvcache;
