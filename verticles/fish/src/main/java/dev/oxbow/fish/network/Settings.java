package dev.oxbow.fish.network;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Settings of the kernel in /proc/sys/net, of the calling thread's network namespace: which of them
 * Fish changes, and how they are put back. Blocks.
 */
final class Settings {

  /** Whether the machine forwards IPv4; a change goes to all interfaces. */
  static final String FORWARD_4 = "ipv4/ip_forward";

  /** Whether the machine forwards IPv6; a change goes to all interfaces. */
  static final String FORWARD_6 = "ipv6/conf/all/forwarding";

  private static final String CONF_4 = "ipv4/conf/";
  private static final String CONF_6 = "ipv6/conf/";
  private static final String FORWARDING = "/forwarding";

  private static final List<Note> ALWAYS =
      List.of(
          new Note("netfilter/nf_conntrack_tcp_timeout_established", "", "7440"),
          new Note("netfilter/nf_conntrack_udp_timeout", "", "300"),
          new Note("netfilter/nf_conntrack_udp_timeout_stream", "", "300"),
          new Note("netfilter/nf_conntrack_icmp_timeout", "", "60"),
          new Note("netfilter/nf_conntrack_icmpv6_timeout", "", "60"),
          // Else entries that are made while nobody listens never tell of their end.
          new Note("netfilter/nf_conntrack_events", "", "1"));

  private static final Path ROOT = Path.of("/proc/sys/net");
  private static final int VALUE_BYTES = 4096;

  /** Other names the kernel allows, too; such interfaces are left as a change leaves them. */
  private static final Pattern ORDINARY = Pattern.compile("[A-Za-z0-9_.@-]{1,15}");

  /**
   * A change.
   *
   * @param name the path below /proc/sys/net
   */
  record Note(String name, String was, String set) {}

  private Settings() {}

  /**
   * What is to be changed now, in that order; {@link #restore} has the same.
   *
   * @param own interfaces that end with Fish
   */
  static List<Note> due(Collection<String> own) {
    List<Note> due = new ArrayList<>();
    for (Note always : ALWAYS) {
      add(due, always.name, always.set);
    }
    if (add(due, FORWARD_4, "1")) {
      each(CONF_4, FORWARDING, name -> due.add(new Note(name, "1", "1")));
    }
    if (get(FORWARD_6).equals("0")) {
      // Forwarding switches router advertisements off where they were on (1); 2 keeps them.
      each(CONF_6, "/accept_ra", name -> due.add(new Note(name, "1", "2")));
      add(due, FORWARD_6, "1");
      each(CONF_6, FORWARDING, name -> due.add(new Note(name, "1", "1")));
    }
    due.removeIf(note -> own.stream().anyMatch(link -> note.name.contains("/" + link + "/")));
    return due;
  }

  private static boolean add(List<Note> due, String name, String value) {
    String now = get(name);
    return !now.equals(value) && due.add(new Note(name, now, value));
  }

  /** Names of a setting of interfaces, and of those to come, where it is 1. */
  private static void each(
      String folder, String setting, java.util.function.Consumer<String> told) {
    for (String link :
        Objects.requireNonNull(
            ROOT.resolve(folder).toFile().list(), "net/" + folder + " cannot be listed")) {
      String name = folder + link + setting;
      boolean lasting = !link.equals("all") && !link.equals(Company.LOCK);
      if (lasting && ORDINARY.matcher(link).matches() && "1".equals(find(name))) {
        told.accept(name);
      }
    }
  }

  /**
   * Interfaces whose packets the machine forwards though it is no router.
   *
   * @param noted what has been changed
   */
  static List<String> forwarders(int version, List<Note> noted) {
    List<String> names = new ArrayList<>();
    String folder = version == 4 ? CONF_4 : CONF_6;
    String setting = version == 4 ? FORWARDING : "/force_forwarding";
    if (version == 6 || isOff(FORWARD_4)) {
      each(folder, setting, names::add);
    } else {
      noted.stream()
          .map(Note::name)
          .filter(name -> name.startsWith(folder) && name.endsWith(setting))
          .forEach(names::add);
    }
    return names.stream()
        .map(name -> name.substring(folder.length(), name.length() - setting.length()))
        .filter(name -> !name.equals("default"))
        .sorted()
        .toList();
  }

  /** Whether something is switched off now. */
  static boolean isOff(String name) {
    return get(name).equals("0");
  }

  /** Whether this namespace has an interface. */
  static boolean hasLink(String name) {
    return Files.exists(ROOT.resolve(CONF_4 + name));
  }

  /** Lets an interface forward IPv4, whatever new ones do; for IPv6 one setting is for all. */
  static void forward(String link) {
    write(CONF_4 + link + FORWARDING, "1");
  }

  /** Lets an interface of ours have IPv6, where new ones have it not. */
  static void allow6(String link) {
    String name = CONF_6 + link + "/disable_ipv6";
    if ("1".equals(find(name))) {
      write(name, "0");
    }
  }

  /** Changes what is still as it was: somebody else may have changed it since. */
  static void apply(List<Note> notes) {
    for (Note note : notes) {
      if (!note.was.equals(note.set) && note.was.equals(find(note.name))) {
        write(note.name, note.set);
      }
    }
  }

  /**
   * Puts back what nobody else has changed since.
   *
   * @throws NetworkException naming the first that could not be; the others are put back
   */
  static void restore(List<Note> notes) {
    // Looked at before: one change may entail others.
    List<Note> ours = notes.stream().filter(note -> note.set.equals(find(note.name))).toList();
    NetworkException failure = null;
    for (Note note : ours) {
      try {
        if (find(note.name) != null) {
          write(note.name, note.was);
        }
      } catch (NetworkException e) {
        if (failure == null) {
          failure = e;
        } else {
          failure.addSuppressed(e);
        }
      }
    }
    if (failure != null) {
      throw failure;
    }
  }

  private static String get(String name) {
    String value = find(name);
    if (value == null) {
      throw new NetworkException(
          "net/" + name + " is not there: this kernel lacks what Fish needs");
    }
    return value;
  }

  /** What a setting is; null when there is none, as of an interface that has gone. */
  private static @Nullable String find(String name) {
    // With one read of many bytes: a second one would find the value at its end.
    byte[] value = new byte[VALUE_BYTES];
    try (InputStream in = Files.newInputStream(ROOT.resolve(name))) {
      int length = Math.max(0, in.read(value));
      return new String(value, 0, length, StandardCharsets.US_ASCII).strip();
    } catch (NoSuchFileException e) {
      return null;
    } catch (IOException e) {
      throw new NetworkException("net/" + name + " cannot be read: " + e.getMessage(), e);
    }
  }

  private static void write(String name, String value) {
    try {
      // Not through a temporary file: this one is the kernel.
      Files.write(ROOT.resolve(name), value.getBytes(StandardCharsets.US_ASCII));
    } catch (IOException e) {
      throw new NetworkException("net/" + name + " cannot be set: " + e.getMessage(), e);
    }
  }
}
