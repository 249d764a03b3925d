package dev.oxbow.fish.network;

import dev.oxbow.fdpassing.device.Tun;
import dev.oxbow.fdpassing.libc.Errno;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fish.network.Settings.Note;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * All Fish of a network namespace, and what they found there: in the table {@code inet oxbow} of
 * nftables, so that it is the namespace's own, outlives every process and ends with the namespace.
 * As it was when it was read. Blocks.
 *
 * @param marks of the conntrack entries of each, by the name of its device; crashed ones included
 * @param notes of settings that the first of them has changed
 */
record Company(Map<String, Integer> marks, List<Note> notes) {
  static final String TABLE = "oxbow";

  /** The interface of whoever sets up, down and gone a moment later. */
  static final String LOCK = "oxbow-setup";

  private static final Pattern MEMBER = Pattern.compile("\"([^\"]+)\" comment \"mark (\\d+)\"");
  private static final Pattern NOTE =
      Pattern.compile("0x([0-9a-f]+) comment \"([^ \"]+/[^ \"]+) (\\d+) (\\d+)\"");
  private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(5);
  private static final int PATIENCE = 4_000;

  /** Reads it. */
  static Company read() {
    return parse(table(TABLE));
  }

  /** What nft prints of a table, nothing if there is none. */
  static String table(String name) {
    boolean there =
        Command.run("", "nft", "list", "tables", "inet")
            .lines()
            .anyMatch(line -> line.strip().equals("table inet " + name));
    return there ? Command.run("", "nft", "list", "table", "inet", name) : "";
  }

  /** Of what nft prints. */
  static Company parse(String listing) {
    Map<String, Integer> marks = new TreeMap<>();
    for (Matcher member = MEMBER.matcher(listing); member.find(); ) {
      marks.put(member.group(1), Integer.parseInt(member.group(2)));
    }
    Map<Integer, Note> notes = new TreeMap<>();
    for (Matcher note = NOTE.matcher(listing); note.find(); ) {
      notes.put(
          Integer.parseUnsignedInt(note.group(1), 16),
          new Note(note.group(2), note.group(3), note.group(4)));
    }
    return new Company(marks, List.copyOf(notes.values()));
  }

  /**
   * Does something while no other Fish of the namespace does. Whoever does has a tun of a certain
   * name, which nobody makes without CAP_NET_ADMIN there nor while another has it, and which goes
   * with its holder. (The file of a namespace could be locked by any user of the machine.)
   *
   * @throws NetworkException when another one takes too long
   */
  static <T> T alone(Supplier<T> task) {
    for (int i = 0; i < PATIENCE; i++) {
      Tun own = tryLock();
      if (own != null) {
        try (own) {
          return task.get();
        }
      }
      LockSupport.parkNanos(PAUSE_NANOS);
    }
    throw new NetworkException(
        "another Fish has been setting up this namespace for too long: it has the interface "
            + LOCK);
  }

  private static @Nullable Tun tryLock() {
    try {
      return Tun.open(LOCK, false);
    } catch (LinuxException e) {
      if (e.errno() == Errno.EBUSY) {
        return null;
      }
      throw new NetworkException(
          "interface %s cannot be made, which needs CAP_NET_ADMIN and /dev/net/tun: %s"
              .formatted(LOCK, e.getMessage()),
          e);
    }
  }

  /** Refuses whoever would take the entries of another for its own. */
  void requireMark(String device, int mark) {
    marks.forEach(
        (other, its) -> {
          if (!other.equals(device) && its == mark) {
            throw new NetworkException(
                "fish.mark %d is that of another Fish in this network namespace (%s)"
                        .formatted(mark, other)
                    + "; choose another");
          }
        });
  }

  /** Whether there are others than this one. */
  boolean hasOthers(String device) {
    return marks.keySet().stream().anyMatch(other -> !other.equals(device));
  }

  /** Whether the machine forwards only because of Fish, if at all. */
  private boolean isNoRouter(String forwarding) {
    return Settings.isOff(forwarding)
        || notes.stream().anyMatch(note -> note.name().equals(forwarding));
  }

  /** The rules that keep the machine from being a router for everybody. */
  String router() {
    List<String> rules = new ArrayList<>();
    for (int version : new int[] {4, 6}) {
      if (isNoRouter(version == 4 ? Settings.FORWARD_4 : Settings.FORWARD_6)) {
        List<String> others = Settings.forwarders(version, notes);
        String left = others.isEmpty() ? "" : "iifname != { \"" + String.join("\", \"", others);
        rules.add(
            "meta nfproto ipv%d iifname != @ours %soifname != @ours counter drop"
                .formatted(version, left.isEmpty() ? "" : left + "\" } "));
      }
    }
    return String.join("\n    ", rules);
  }

  /** Changes the kernel's settings, once it is noted what they were. */
  void change(String device) {
    Set<String> own = new TreeSet<>(marks.keySet());
    own.add(device);
    List<Note> due = new ArrayList<>(Settings.due(own));
    due.removeIf(note -> notes.stream().anyMatch(known -> known.name().equals(note.name())));
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < due.size(); i++) {
      Note note = due.get(i);
      text.append(i == 0 ? "add element inet " + TABLE + " before { " : ", ")
          .append(notes.size() + i)
          .append(" comment \"%s %s %s\"".formatted(note.name(), note.was(), note.set()));
    }
    if (!due.isEmpty()) {
      Command.run(text + " }\n", "nft", "-f", "-");
    }
    Settings.apply(notes);
    Settings.apply(due);
  }
}
