package dev.oxbow.app.demo.client;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/** One TCP connection of a task, which counts what passes. One thread. */
final class Connection implements AutoCloseable {
  private static final int CONNECT_TIMEOUT_MS = 5_000;
  private static final int READ_TIMEOUT_MS = 20_000;

  private final Socket socket = new Socket();
  private final Task task;
  private final InputStream in;

  /**
   * @param receiveBuffer SO_RCVBUF in bytes; 0 leaves it to the kernel
   */
  Connection(Task task, InetSocketAddress address, int receiveBuffer) throws IOException {
    this.task = task;
    if (receiveBuffer > 0) {
      socket.setReceiveBufferSize(receiveBuffer);
    }
    socket.setSoTimeout(READ_TIMEOUT_MS);
    socket.setTcpNoDelay(true);
    socket.connect(address, CONNECT_TIMEOUT_MS);
    task.connected(socket.getLocalPort());
    in = new BufferedInputStream(new Counted(socket.getInputStream()), 16 * 1024);
  }

  /** Sends a request without a body. */
  void get(String path, boolean keepAlive) throws IOException {
    head("GET " + path + " HTTP/1.1\r\n", keepAlive ? "keep-alive" : "close");
  }

  /** Sends the head of a request with a body. */
  void put(String path, long length) throws IOException {
    head("PUT " + path + " HTTP/1.1\r\nContent-Length: " + length + "\r\n", "close");
  }

  /**
   * Reads the head of a response.
   *
   * @return the length of its body
   * @throws IOException when the status is not one of success
   */
  long responseLength() throws IOException {
    String status = line();
    if (!status.startsWith("HTTP/1.1 2")) {
      throw new IOException("the answer was: " + status);
    }
    long length = 0;
    for (String header = line(); !header.isEmpty(); header = line()) {
      if (header.regionMatches(true, 0, "Content-Length:", 0, 15)) {
        length = Long.parseLong(header.substring(15).strip());
      }
    }
    return length;
  }

  /** Bytes from the connection, at least one unless it has ended. */
  int read(byte[] into, long most) throws IOException {
    return in.read(into, 0, (int) Math.min(most, into.length));
  }

  void send(byte[] bytes, int count) throws IOException {
    socket.getOutputStream().write(bytes, 0, count);
    task.sent(count);
  }

  /** Shuts down sending: the other side reads an end of stream. */
  void endSending() throws IOException {
    socket.shutdownOutput();
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }

  private void head(String start, String connection) throws IOException {
    String text = start + "Host: demo\r\nConnection: " + connection + "\r\n\r\n";
    byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
    send(bytes, bytes.length);
  }

  private String line() throws IOException {
    StringBuilder line = new StringBuilder();
    for (int c = in.read(); c != '\n'; c = in.read()) {
      if (c < 0) {
        throw new EOFException("the connection ended in the head of an answer");
      }
      if (c != '\r') {
        line.append((char) c);
      }
    }
    return line.toString();
  }

  /** Tells the task what was read. */
  private final class Counted extends FilterInputStream {
    Counted(InputStream in) {
      super(in);
    }

    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
      int n = super.read(into, offset, length);
      task.received(Math.max(0, n));
      return n;
    }
  }
}
