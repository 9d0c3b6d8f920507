/**
 * {@code millrace cache}: what a KV-cache pipeline holds, verified, restored, and served to whoever
 * computes attention. Reads topics, writes none.
 */
package io.millrace.app.cache;
