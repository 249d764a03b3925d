package dev.oxbow.fish.attribution;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.codecs.control.RequestException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads the log of ports: who had one at a time. A file is read line by line; what is held in
 * memory is about the one port, and who the sessions belong to. Blocks.
 */
public final class PortHistory {
  private static final Logger log = LoggerFactory.getLogger(PortHistory.class);
  private static final char NO_UTF_8 = '\uFFFD';

  private final Question question;
  private final Map<String, Holder> open = new LinkedHashMap<>();
  private final Map<String, RawJson> sessions = new HashMap<>();
  private final Set<String> listed = new HashSet<>();
  private final List<Holder> found = new ArrayList<>();
  private @Nullable Instant since;
  private Instant fileSince = Instant.MIN;
  private long lost;
  private long damaged;

  /**
   * What is asked.
   *
   * @param address that packets left from, as the log writes it
   * @param protocol {@code tcp}, {@code udp} or {@code icmp}; null for any
   */
  public record Question(String address, int port, @Nullable String protocol, Instant at) {}

  /**
   * Somebody who had ports then.
   *
   * @param client address, with its port when the connection is known
   * @param destination where the connection went, or null when that was not noted
   * @param from since when; what a file begins with may be older
   * @param until null: still, as far as the log goes
   */
  public record Holder(
      String protocol,
      String ports,
      String client,
      @Nullable String destination,
      Instant from,
      @Nullable Instant until,
      String session) {

    private Holder until(Instant end) {
      return new Holder(protocol, ports, client, destination, from, end, session);
    }

    /** What a block of the same client is known by. */
    private String block() {
      String host = destination == null ? client : client.substring(0, client.lastIndexOf(':'));
      return protocol + ' ' + host.replace("[", "").replace("]", "") + ' ' + session;
    }

    private boolean holds(Instant at) {
      return !from.isAfter(at) && (until == null || !until.isBefore(at));
    }
  }

  /**
   * The answer.
   *
   * @param holders connections first, then blocks
   * @param sessions by id, the lines of the log that say whose they are
   * @param since when the log begins; null when there is none
   * @param lost changes that the log says it has lost
   * @param damaged lines that could not be read
   */
  public record Answer(
      List<Holder> holders,
      Map<String, RawJson> sessions,
      @Nullable Instant since,
      long lost,
      long damaged) {}

  private PortHistory(Question question) {
    this.question = question;
  }

  /**
   * Who had a port.
   *
   * @param directory of the log
   * @throws IOException when it cannot be read
   */
  public static Answer who(Path directory, Question question) throws IOException {
    PortHistory history = new PortHistory(question);
    for (Path file : LogFile.all(directory)) {
      history.read(file);
    }
    return history.answer();
  }

  private Answer answer() {
    found.addAll(open.values());
    List<Holder> holders = new ArrayList<>();
    for (Holder holder : found) {
      if (holder.holds(question.at)) {
        holders.add(holder.destination == null ? holders.size() : 0, holder);
      }
    }
    Map<String, RawJson> owners = new LinkedHashMap<>();
    for (Holder holder : holders) {
      RawJson owner = sessions.get(holder.session);
      if (owner != null) {
        owners.put(holder.session, owner);
      }
    }
    return new Answer(holders, owners, since, lost, damaged);
  }

  private void read(Path file) throws IOException {
    String address = "\"address\":\"" + question.address + '"';
    // Unlike that of Files.newBufferedReader it goes on where bytes are no UTF-8.
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(Files.newInputStream(file), StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        boolean about = line.contains("\"event\":\"session\"") || line.contains(address);
        if (!about && line.contains("\"address\":\"")) {
          continue;
        }
        if (line.indexOf(NO_UTF_8) >= 0) {
          damaged++;
        }
        try {
          line(Message.parse(line.getBytes(StandardCharsets.UTF_8)), line);
        } catch (RequestException | DateTimeException | NumberFormatException e) {
          // A process that was killed leaves half a line.
          damaged++;
        }
      }
    } catch (NoSuchFileException e) {
      // It was the oldest, and went while the others were read: the answer begins later.
      log.debug("{} is gone", file, e);
    }
  }

  private void line(Message line, String text) {
    Instant time = Instant.parse(line.string("time"));
    switch (line.string("event")) {
      case "start" -> {
        fileSince = time;
        since = since == null ? time : since;
        listed.clear();
      }
      case "listed" -> closeUnlisted();
      case "stop" -> closeAll(time);
      case "lost" -> lost += line.integer("count", 0, Long.MAX_VALUE);
      // What was said first says most: a later process may know no more than the uid.
      case "session" -> sessions.putIfAbsent(line.string("session"), RawJson.of(text));
      case "held", "taken", "began" -> {
        if (isAsked(line)) {
          Holder holder = holder(line, time);
          listed.add(holder.block());
          open.putIfAbsent(key(holder), holder);
        }
      }
      case "released", "ended" -> {
        if (isAsked(line)) {
          Holder holder = holder(line, time);
          Holder begun = open.remove(key(holder));
          found.add((begun == null ? holder : begun).until(time));
        }
      }
      default -> damaged++;
    }
  }

  /** Whoever a new file does not begin with had ended by then, and nobody was there to see it. */
  private void closeUnlisted() {
    open.values()
        .removeIf(
            holder -> {
              boolean gone = !listed.contains(holder.block());
              if (gone) {
                found.add(holder.until(fileSince));
              }
              return gone;
            });
  }

  private void closeAll(Instant time) {
    open.values().forEach(holder -> found.add(holder.until(time)));
    open.clear();
  }

  private boolean isAsked(Message line) {
    if (question.protocol != null && !question.protocol.equals(line.string("protocol"))) {
      return false;
    }
    if (line.has("port")) {
      return line.integer("port", 0, 0xffff) == question.port;
    }
    String[] ports = line.string("ports").split("-", 2);
    return ports.length == 2
        && Integer.parseInt(ports[0]) <= question.port
        && question.port <= Integer.parseInt(ports[1]);
  }

  private static Holder holder(Message line, Instant time) {
    Instant from =
        line.has("sinceMs")
            ? Instant.ofEpochMilli(line.integer("sinceMs", 0, Long.MAX_VALUE))
            : time;
    return new Holder(
        line.string("protocol"),
        line.has("port") ? String.valueOf(line.integer("port", 0, 0xffff)) : line.string("ports"),
        line.string("client"),
        line.string("destination", null),
        from,
        null,
        line.string("session"));
  }

  private static String key(Holder holder) {
    return holder.block() + ' ' + holder.client + ' ' + holder.destination;
  }
}
