package io.millrace.it;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/** TCP sockets on which a process listens, from Linux's /proc; elsewhere none are seen. */
final class ListeningSockets {
  /** Of an address in hexadecimal, each word of 32 bits in the machine's order. */
  private static final String LOOPBACK =
      "(0100007F|0000000000000000FFFF00000100007F|0{24}01000000)";

  private static final String LISTEN = "0A";

  private ListeningSockets() {}

  /** Local addresses, as the kernel writes them, that other machines may reach. */
  static List<String> beyondLoopback(long pid) throws IOException {
    Path process = Path.of("/proc", Long.toString(pid));
    if (!Files.isDirectory(process)) {
      return List.of();
    }
    Set<String> sockets = sockets(process.resolve("fd"));
    List<String> found = new ArrayList<>();
    for (String table : List.of("tcp", "tcp6")) {
      List<String> lines = Files.readAllLines(process.resolve("net").resolve(table));
      for (String line : lines.subList(1, lines.size())) {
        String[] fields = line.trim().split("\\s+");
        String address = fields[1].substring(0, fields[1].indexOf(':'));
        if (fields[3].equals(LISTEN) && sockets.contains(fields[9]) && !address.matches(LOOPBACK)) {
          found.add(fields[1]);
        }
      }
    }
    return found;
  }

  /** Inodes of the sockets that a process has open. */
  private static Set<String> sockets(Path descriptors) throws IOException {
    Set<String> inodes = new HashSet<>();
    try (Stream<Path> open = Files.list(descriptors)) {
      for (Path descriptor : open.toList()) {
        try {
          String target = Files.readSymbolicLink(descriptor).toString();
          if (target.startsWith("socket:[")) {
            inodes.add(target.substring("socket:[".length(), target.length() - 1));
          }
        } catch (NoSuchFileException e) {
          // closed since it was listed, so it is no socket that listens
          continue;
        }
      }
    }
    return inodes;
  }
}
