/**
 * Sliding KV-cache compression: the exact window and what leaves it, pages of keys and values, one
 * class per page codec, and attention on pages. Pure functions of bytes; no engine, no clock.
 */
package io.millrace.operator.kvcache;
