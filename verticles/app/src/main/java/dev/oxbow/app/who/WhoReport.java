package dev.oxbow.app.who;

import dev.oxbow.app.console.TextTable;
import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.MessageWriter;
import dev.oxbow.codecs.control.RawJson;
import dev.oxbow.fish.attribution.PortHistory.Answer;
import dev.oxbow.fish.attribution.PortHistory.Holder;
import dev.oxbow.fish.attribution.PortHistory.Question;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** What the log has answered, for people and for programs. */
final class WhoReport {
  private WhoReport() {}

  static String text(Question question, Answer answer) {
    StringBuilder text = new StringBuilder();
    if (answer.holders().isEmpty()) {
      Instant since = answer.since();
      text.append("Nobody had it");
      text.append(since == null ? ": there is no log.\n" : ".\n");
      if (since != null && since.isAfter(question.at())) {
        text.append("The log begins later, at ").append(since).append(".\n");
      }
    } else {
      TextTable table = new TextTable("lllllllll");
      table.row("CLIENT", "PROTOCOL", "PORTS", "TO", "FROM", "UNTIL", "APP", "UID", "METADATA");
      answer
          .holders()
          .forEach(holder -> row(table, holder, answer.sessions().get(holder.session())));
      text.append(table);
    }
    if (answer.lost() > 0) {
      text.append(answer.lost()).append(" changes could not be written: the log has gaps.\n");
    }
    if (answer.damaged() > 0) {
      text.append(answer.damaged()).append(" lines cannot be read.\n");
    }
    return text.toString();
  }

  private static void row(TextTable table, Holder holder, @Nullable RawJson session) {
    Message owner = session == null ? null : message(session);
    Instant until = holder.until();
    String destination = holder.destination();
    table.row(
        holder.client(),
        holder.protocol(),
        holder.ports(),
        destination == null ? "-" : destination,
        holder.from().toString(),
        until == null ? "-" : until.toString(),
        owner == null ? "-" : String.valueOf(owner.string("app", "-")),
        owner == null ? "-" : owner.number("uid").toString(),
        owner == null ? "-" : owner.metadata().toString());
  }

  private static Message message(RawJson json) {
    return Message.parse(json.toString().getBytes(StandardCharsets.UTF_8));
  }

  static String json(Answer answer) {
    MessageWriter json = new MessageWriter().array("holders");
    for (Holder holder : answer.holders()) {
      json.element()
          .string("client", holder.client())
          .string("protocol", holder.protocol())
          .string("ports", holder.ports());
      if (holder.destination() != null) {
        json.string("destination", holder.destination());
      }
      json.string("from", holder.from().toString());
      if (holder.until() != null) {
        json.string("until", holder.until().toString());
      }
      json.string("session", holder.session());
      RawJson session = answer.sessions().get(holder.session());
      if (session != null) {
        json.raw("owner", session);
      }
      json.end();
    }
    json.endArray().number("lost", answer.lost()).number("damaged", answer.damaged());
    return new String(json.bytes(), StandardCharsets.UTF_8);
  }
}
