package dev.oxbow.fish.session;

import dev.oxbow.fish.ports.ClientTable;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Which session an inner address belongs to. Loop thread only. */
final class Residents {

  /** Session of clients whose session has ended, until their last port has rested. */
  static final long NOBODY = -1;

  private final ClientTable clients;
  private final @Nullable Session[] sessions;

  /** Clients of one session, in a ring of numbers that begins in it; 0 for the end. */
  private final int[] after;

  private final int[] before;

  Residents(ClientTable clients) {
    this.clients = clients;
    this.sessions = new Session[clients.capacity()];
    this.after = new int[clients.capacity()];
    this.before = new int[clients.capacity()];
  }

  /** The number of a client of a session, a new one where needed; -1 when none is left. */
  int client(Session session, long high, long low) {
    int client = clients.find(session.id(), high, low);
    if (client < 0) {
      client = clients.add(session.id(), high, low);
      if (client >= 0) {
        link(client, session);
      }
    }
    return client;
  }

  private void link(int client, Session session) {
    sessions[client] = session;
    before[client] = 0;
    after[client] = session.firstClient;
    before[session.firstClient] = client;
    session.firstClient = client;
  }

  private void unlink(int client) {
    Session session = sessions[client];
    if (session == null) {
      return;
    }
    sessions[client] = null;
    before[after[client]] = before[client];
    if (before[client] == 0) {
      session.firstClient = after[client];
    } else {
      after[before[client]] = after[client];
    }
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
      unlink(client);
      clients.remove(client);
    }
  }

  /** Connections of a session's clients, resting ones included. */
  int flows(Session session) {
    int count = 0;
    for (int client = session.firstClient; client != 0; client = after[client]) {
      count += clients.flows(client);
    }
    return count;
  }

  /** A session is over: its clients keep their numbers while their ports rest. */
  void leave(Session session) {
    for (int client = session.firstClient; client != 0; client = session.firstClient) {
      unlink(client);
      leave(client);
    }
  }

  /** Sessions that nobody has are over. */
  void leave(Set<Long> lost) {
    for (int client = 1; client < sessions.length; client++) {
      if (lost.contains(clients.session(client))) {
        leave(client);
      }
    }
  }

  private void leave(int client) {
    if (clients.flows(client) == 0) {
      clients.remove(client);
    } else {
      clients.adopt(client, NOBODY);
    }
  }

  /** The clients of a session that is lost are another's from here on. */
  void move(long lost, Session to) {
    for (int client = 1; client < sessions.length; client++) {
      if (clients.session(client) == lost) {
        clients.adopt(client, to.id());
        link(client, to);
      }
    }
  }

  /** Goes on from what the tables say: another process may have worked on them. */
  void rebuild(Collection<Session> live) {
    Map<Long, Session> byId = new HashMap<>();
    for (Session session : live) {
      session.firstClient = 0;
      byId.put(session.id(), session);
    }
    for (int client = 1; client < sessions.length; client++) {
      sessions[client] = null;
      Session session = byId.get(clients.session(client));
      if (session != null) {
        link(client, session);
      }
      removeIdle(client);
    }
  }
}
