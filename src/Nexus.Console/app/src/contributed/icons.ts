import { Bell, BookOpen, Box, Calendar, ChartColumn, CircleDollarSign, ClipboardList, Cloud, FileText, Image, Kanban, LayoutDashboard, Mail, Map, MessageSquare, Puzzle, Search, ShoppingCart, Star, Tag, Truck, Users, Wallet, Wrench, type LucideIcon } from 'lucide-react';

const icons: Readonly<Record<string, LucideIcon>> = { bell: Bell, board: Kanban, book: BookOpen, box: Box, calendar: Calendar, cart: ShoppingCart, chart: ChartColumn, cloud: Cloud, dashboard: LayoutDashboard, file: FileText, image: Image, list: ClipboardList, mail: Mail, map: Map, message: MessageSquare, money: CircleDollarSign, people: Users, search: Search, star: Star, tag: Tag, tools: Wrench, truck: Truck, wallet: Wallet };

/** The icon of a name; a plain one for a name that there is none of. */
export const iconOf = (name: string | null): LucideIcon => (name && icons[name]) || Puzzle;
