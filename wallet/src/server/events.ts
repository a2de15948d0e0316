// Server-sent events (WHATWG HTML, 9.2) over fetch, since an EventSource cannot sign its request.

export interface ServerEvent {
  event: string;
  data: string;
}

/** Takes text as it comes and answers the events that are whole. */
export class EventReader {
  private rest = '';

  take(text: string): ServerEvent[] {
    this.rest += text;
    const blocks = this.rest.split('\n\n');
    this.rest = blocks.pop() ?? '';
    return blocks.map(read).filter((event) => event !== null);
  }
}

function read(block: string): ServerEvent | null {
  let event = 'message';
  const data: string[] = [];
  for (const line of block.split('\n')) {
    const [field, ...rest] = line.split(':');
    const value = rest.join(':').replace(/^ /, '');
    if (field === 'event') event = value;
    if (field === 'data') data.push(value);
  }
  return data.length === 0 ? null : { event, data: data.join('\n') };
}
