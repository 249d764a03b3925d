package dev.oxbow.app.console;

import java.util.ArrayList;
import java.util.List;

/** Rows in columns, each as wide as its widest cell. */
public final class TextTable {
  private static final String GAP = "  ";

  private final List<List<String>> rows = new ArrayList<>();
  private final boolean[] rightAligned;

  /**
   * @param alignment one letter per column: {@code l} or {@code r}
   */
  public TextTable(String alignment) {
    rightAligned = new boolean[alignment.length()];
    for (int i = 0; i < rightAligned.length; i++) {
      rightAligned[i] = alignment.charAt(i) == 'r';
    }
  }

  /** Adds a row with one cell per column. */
  public TextTable row(String... cells) {
    if (cells.length != rightAligned.length) {
      throw new IllegalArgumentException(cells.length + " cells for " + rightAligned.length);
    }
    rows.add(List.of(cells));
    return this;
  }

  /** One line per row, without blanks at the end, each closed by a newline. */
  @Override
  public String toString() {
    int[] widths = new int[rightAligned.length];
    for (List<String> row : rows) {
      for (int i = 0; i < widths.length; i++) {
        widths[i] = Math.max(widths[i], row.get(i).length());
      }
    }
    StringBuilder text = new StringBuilder();
    for (List<String> row : rows) {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < widths.length; i++) {
        String padding = " ".repeat(widths[i] - row.get(i).length());
        line.append(i == 0 ? "" : GAP);
        line.append(rightAligned[i] ? padding + row.get(i) : row.get(i) + padding);
      }
      text.append(line.toString().stripTrailing()).append('\n');
    }
    return text.toString();
  }
}
