import { DropdownMenu as Radix } from "radix-ui";
import type { ReactNode } from "react";
import { IconButton } from "./Button";

export interface MenuGroup {
  title: string;
  items: { text: string; onSelect: () => void }[];
}

interface MenuProps {
  label: string;
  icon: ReactNode;
  groups: MenuGroup[];
}

/** Things that can be done, behind one button. */
export function Menu({ label, icon, groups }: MenuProps) {
  return (
    <Radix.Root modal={false}>
      <Radix.Trigger asChild>
        <IconButton label={label}>{icon}</IconButton>
      </Radix.Trigger>
      <Radix.Portal>
        <Radix.Content
          align="end"
          sideOffset={4}
          collisionPadding={8}
          className="z-50 max-h-(--radix-dropdown-menu-content-available-height) min-w-48 animate-rise overflow-y-auto rounded-card border border-line bg-raised p-1 shadow-float"
        >
          {groups.map((group) => (
            <Radix.Group key={group.title}>
              <Radix.Label className="px-3 pt-2 pb-1 text-xs text-quiet">{group.title}</Radix.Label>
              {group.items.map((item) => (
                <Radix.Item
                  key={item.text}
                  onSelect={item.onSelect}
                  className="flex h-9 items-center rounded-md px-3 text-sm outline-none data-highlighted:bg-hover"
                >
                  {item.text}
                </Radix.Item>
              ))}
            </Radix.Group>
          ))}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
