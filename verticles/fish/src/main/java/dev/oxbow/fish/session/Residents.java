package dev.oxbow.fish.session;

import dev.oxbow.fish.ports.ClientTable;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Which session an inner address belongs to. Loop thread only. */
final class Residents {

  /** Session of clients whose session has ended, until their last port has rested. */
  static final long NOBODY = -1;

  private final ClientTable clients;
  private final @Nullable Session[] sessions;

  Residents(ClientTable clients) {
    this.clients = clients;
    this.sessions = new Session[clients.capacity()];
  }

  /** The number of a client of a session, a new one where needed; -1 when none is left. */
  int client(Session session, long high, long low) {
    int client = clients.find(session.id(), high, low);
    if (client < 0) {
      client = clients.add(session.id(), high, low);
      if (client >= 0) {
        sessions[client] = session;
      }
    }
    return client;
  }

  /** The session of a client's number, or null. */
  @Nullable Session session(int client) {
    return sessions[client];
  }

  /** The number that a client has, or -1. */
  int find(Session session, long high, long low) {
    return clients.find(session.id(), high, low);
  }

  /** Takes a client's number back when it has no flow, resting ones included. */
  void removeIdle(int client) {
    if (clients.session(client) != 0 && clients.flows(client) == 0) {
      sessions[client] = null;
      clients.remove(client);
    }
  }

  /** Connections of a session's clients, resting ones included. */
  int flows(Session session) {
    int count = 0;
    for (int client = 0; client < sessions.length; client++) {
      count += sessions[client] == session ? clients.flows(client) : 0;
    }
    return count;
  }

  /** A session is over: its clients keep their numbers while their ports rest. */
  void leave(long session) {
    for (int client = 1; client < sessions.length; client++) {
      if (clients.session(client) == session) {
        sessions[client] = null;
        if (clients.flows(client) == 0) {
          clients.remove(client);
        } else {
          clients.adopt(client, NOBODY);
        }
      }
    }
  }

  /** The clients of a session that is lost are another's from here on. */
  void move(long lost, Session to) {
    for (int client = 1; client < sessions.length; client++) {
      if (clients.session(client) == lost) {
        clients.adopt(client, to.id());
        sessions[client] = to;
      }
    }
  }

  /** Goes on from what the tables say: another process may have worked on them. */
  void rebuild(Collection<Session> live) {
    Map<Long, Session> byId = new HashMap<>();
    for (Session session : live) {
      byId.put(session.id(), session);
    }
    for (int client = 1; client < sessions.length; client++) {
      long id = clients.session(client);
      sessions[client] = id == 0 ? null : byId.get(id);
      removeIdle(client);
    }
  }
}
